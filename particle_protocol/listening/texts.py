"""The console's prompts and answers, byte for byte (Device OS 2.3.1, system/src/system_setup.cpp:269-653)."""

from typing import Final

SSID: Final = "SSID: "
SECURITY: Final = "Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2: "
SECURITY_ENTERPRISE: Final = "Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2, 4=WPA Enterprise, 5=WPA2 Enterprise: "
CIPHER: Final = "Security Cipher 1=AES, 2=TKIP, 3=AES+TKIP: "
PASSWORD: Final = "Password: "  # noqa: S105  # a prompt, not a password
EAP_TYPE: Final = "EAP Type 0=PEAP/MSCHAPv2, 1=EAP-TLS: "
CLIENT_CERTIFICATE: Final = "Client certificate in PEM format:\r\n"
PRIVATE_KEY: Final = "Private key in PEM format:\r\n"
USERNAME: Final = "Username: "
OUTER_IDENTITY: Final = "Outer identity (optional): "
ROOT_CA: Final = "Root CA in PEM format (optional):\r\n"

SAVING: Final = "Thanks! Wait while I save those credentials...\r\n\r\n"
SAVED: Final = (
    "Awesome. Now we'll connect!\r\n\r\n"
    "If you see a pulsing cyan light, your device \r\n"
    "has connected to the Cloud and is ready to go!\r\n\r\n"
    "If your LED flashes red or you encounter any other problems,\r\n"
    "visit https://www.particle.io/support to debug.\r\n\r\n"
    "    Particle <3 you!\r\n\r\n"
)
NOT_SAVED: Final = "Derp. Sorry, we couldn't save the credentials.\r\n\r\n"
FAREWELLS: Final = ("Particle <3 you!\r\n\r\n", "Spark <3 you!\r\n\r\n")
"""How the dialogue ends when it went well; the second is older than Device OS 0.6."""

DEVICE_ID_SHORT: Final = "Your device id is "
DEVICE_ID: Final = "Device ID: "
MAC: Final = "Your device MAC address is\r\n"
VERSION: Final = "system firmware version: "
CLAIMED: Final = "Device claimed: "
CLAIM_CODE: Final = "Enter 63-digit claim code: "
CLAIM_CODE_SET: Final = "Claim code set to: "
CLAIM_CODE_WRONG: Final = "Sorry, claim code is not 63 characters long. Claim code unchanged."
UPDATE: Final = "Waiting for the binary file to be sent ... (press 'a' to abort)\r\n"
QUESTIONS: Final = (
    SSID,
    "Security ",
    PASSWORD,
    EAP_TYPE,
    CLIENT_CERTIFICATE,
    PRIVATE_KEY,
    USERNAME,
    OUTER_IDENTITY,
    ROOT_CA,
    CLAIM_CODE,
    CLAIM_CODE_SET,
)
"""What is asked, or told of an answer, in dialogues."""
UPDATE_RECEIVED: Final = "\r\nDownloaded file successfully!\r\n"
UPDATE_RESTARTS: Final = "Restarting system to apply firmware update...\r\n"
UPDATE_TOO_LARGE: Final = "The file size is higher than the allowed space memory!\r\n"
UPDATE_NOT_SAVED: Final = "Failed to save chunk!\r\n"
UPDATE_ABORTED: Final = "Aborted by user.\r\n"
UPDATE_FAILED: Final = "Failed to receive the file!\r\n"
UPDATE_REFUSED: Final = "Serial/YModem flashing is no longer supported\r\n"
"""Device OS 6.2.0, system/src/system_setup.cpp, after four CAN bytes."""

PROPERTY_LABELS: Final = {
    "imei": "IMEI",
    "iccid": "ICCID",
    "sn": "Serial Number",
    "ms": "Device Secret",
    "cellfw": "Cell Radio Version",
}
"""What `i` calls a property of the board (system_setup.cpp, filter_key); others go by their own name."""
