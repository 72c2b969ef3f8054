"""What a Photon or P1 keeps for an enterprise network: the EAP configuration in the DCT, a certificate and a key beside the networks.

The record in the DCT is that of Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/inc/dct.h (`eap_config_t`). Certificate and
key are in a section of the vendor's that no program can see; ours is a record behind the stored networks.
"""

from __future__ import annotations

import struct
from typing import Final

from emulator.board.dct_store import DctStore
from emulator.board.settings import Settings
from emulator.board.stored_networks import NETWORKS_SIZE
from particle_protocol.dct import DctField
from particle_protocol.listening.wifi import EapType, WifiCredentials, from_wire, to_wire
from particle_protocol.softap.security import EAP_NUMBERS, eap_of

MAX_IDENTITY: Final = 64
MAX_CERTIFICATE: Final = 4096
MAX_PRIVATE_KEY: Final = 2048
_EAP: Final = struct.Struct(f"<B{MAX_IDENTITY}sB{MAX_IDENTITY}sB64sB{MAX_CERTIFICATE}sH2x")
_PAIR: Final = struct.Struct(f"<{MAX_CERTIFICATE}s{MAX_PRIVATE_KEY}s")


class EnterpriseSettings:
    """The one enterprise network's secrets. `beside` is the store that the networks are in."""

    __slots__ = ("_beside", "_settings")

    def __init__(self, settings: Settings, beside: DctStore) -> None:
        self._settings = settings
        self._beside = beside

    @classmethod
    def among(cls, settings: Settings, networks: DctStore | None) -> EnterpriseSettings | None:
        """Those of a board with this store of networks; None where that has no room for a certificate and a key behind them."""
        return cls(settings, networks) if networks is not None and networks.size >= NETWORKS_SIZE + _PAIR.size else None

    @property
    def stored(self) -> WifiCredentials | None:
        """What is kept, without a network's name; None when there is nothing."""
        kind, inner, inner_size, outer, outer_size, key, key_size, ca, ca_size = _EAP.unpack(self._settings.get(DctField.EAP_CONFIG))
        eap = eap_of(kind)
        if eap is None:
            return None
        certificate, private = _PAIR.unpack(self._beside.read(NETWORKS_SIZE, _PAIR.size))
        return WifiCredentials(
            "",
            password=from_wire(key[:key_size]),
            eap=eap,
            identity=from_wire(inner[:inner_size]),
            outer_identity=from_wire(outer[:outer_size]),
            client_certificate=from_wire(certificate.partition(b"\0")[0]) if eap is EapType.TLS else "",
            private_key=from_wire(private.partition(b"\0")[0]) if eap is EapType.TLS else "",
            root_ca=from_wire(ca[:ca_size].partition(b"\0")[0]),
        )

    def put(self, credentials: WifiCredentials) -> bool:
        """Keep them; False, and nothing is kept, when they are not complete or too long (wlan_hal.cpp, `check_enterprise_credentials`)."""
        inner, outer, key = (to_wire(text) for text in (credentials.identity, credentials.outer_identity, credentials.password))
        texts = (credentials.client_certificate, credentials.private_key, credentials.root_ca)
        certificate, private, ca = (to_wire(text) + b"\0" if text else b"" for text in texts)
        if credentials.eap is EapType.PEAP:
            complete = 0 < len(inner) <= MAX_IDENTITY and 0 < len(key) <= MAX_IDENTITY
        else:
            complete = 0 < len(certificate) <= MAX_CERTIFICATE and 0 < len(private) <= MAX_PRIVATE_KEY
        if credentials.eap is None or not complete or len(ca) > MAX_CERTIFICATE:
            return False
        inner, outer, key = (text if len(text) <= MAX_IDENTITY else b"" for text in (inner, outer, key))
        self._beside.update({NETWORKS_SIZE: _PAIR.pack(certificate[:MAX_CERTIFICATE], private[:MAX_PRIVATE_KEY])})
        number = EAP_NUMBERS[credentials.eap]
        record = _EAP.pack(number, inner, len(inner), outer, len(outer), key, len(key), ca, len(ca))
        self._settings.put(DctField.EAP_CONFIG, record)
        return True

    def clear(self) -> None:
        """Keep nothing."""
        if self.stored is not None:
            self._settings.put(DctField.EAP_CONFIG, bytes(DctField.EAP_CONFIG.size))
            self._beside.update({NETWORKS_SIZE: bytes(_PAIR.size)})
