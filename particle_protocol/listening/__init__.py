"""The serial console of listening mode, both ends.

A board in listening mode reads one-letter commands from its USB serial port. The board's end is `ListeningConsole`; the host's end is a
set of conversations (`identify`, `configure_wifi`, ...), generators that yield `Write` and `Read`. Neither opens a port or reads a clock.

Source of every text and rule: Device OS 2.3.1, system/src/system_setup.cpp (commands and dialogue), wiring/src/spark_wiring_stream.cpp
(line input), system/src/system_info.cpp (`s`, `v`, `d`); what 6.2.0 changed is said where it matters.
"""

from particle_protocol.listening.answers import ConsoleAnswerError, ConsoleIdentity
from particle_protocol.listening.console import ConsoleFirmware, ConsoleSettings, ListeningConsole
from particle_protocol.listening.dialogue import (
    ConsoleError,
    ConsoleSteps,
    CredentialsRefused,
    Read,
    Write,
    configure_wifi,
    diagnostics,
    identify,
    is_claimed,
    leave_listening,
    mac_address,
    module_info,
    send_update,
    set_claim_code,
    system_version,
)
from particle_protocol.listening.events import (
    ClaimCodeSet,
    ConsoleEvent,
    CredentialsSaved,
    LeaveListening,
    RestartForUpdate,
    RestartListening,
    ScanRequested,
)
from particle_protocol.listening.wifi import EapType, WifiCipher, WifiCredentials, WifiSecurity

__all__ = [
    "ClaimCodeSet",
    "ConsoleAnswerError",
    "ConsoleError",
    "ConsoleEvent",
    "ConsoleFirmware",
    "ConsoleIdentity",
    "ConsoleSettings",
    "ConsoleSteps",
    "CredentialsRefused",
    "CredentialsSaved",
    "EapType",
    "LeaveListening",
    "ListeningConsole",
    "Read",
    "RestartForUpdate",
    "RestartListening",
    "ScanRequested",
    "WifiCipher",
    "WifiCredentials",
    "WifiSecurity",
    "Write",
    "configure_wifi",
    "diagnostics",
    "identify",
    "is_claimed",
    "leave_listening",
    "mac_address",
    "module_info",
    "send_update",
    "set_claim_code",
    "system_version",
]
