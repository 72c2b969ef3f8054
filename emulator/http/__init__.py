"""HTTP as this project needs it: whole requests and answers as values, HTTP/1.1 as bytes. The door that listens: `emulator.doors.http`."""
