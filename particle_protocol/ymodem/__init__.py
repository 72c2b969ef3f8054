"""YModem, both ends: how a file goes over a serial line, in blocks of 128 or 1024 bytes that are acknowledged one by one.

```
sender                                             receiver
                                                   C                  begin (a board says it only when nothing came for a while)
SOH 0 name NUL size ... CRC                        ACK C
STX 1 data CRC                                     ACK                NAK or C: once more
...
EOT                                                ACK
SOH 0 NUL ... CRC                                  ACK                no more files
```
CAN CAN ends it at any time, from either side. `YmodemReceiver` is what Device OS makes of this; `YmodemSender` is a host's.
"""

from particle_protocol.ymodem.receiver import FileSink, Outcome, YmodemReceiver
from particle_protocol.ymodem.sender import TransferFailed, YmodemSender

__all__ = ["FileSink", "Outcome", "TransferFailed", "YmodemReceiver", "YmodemSender"]
