"""Messages between devices and the cloud that have the form of protocol buffers (Device OS since 5.5)."""
