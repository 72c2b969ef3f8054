"""A Lab's cloud for devices that are no boards of the Lab: programs that connect to it over a socket."""

from __future__ import annotations

from emulator.cloud.errors import CloudError
from harness.errors import Blame, HarnessError, hides
from harness.lab.rig import LabRig
from harness.lab.seen_by_cloud import SeenByCloud
from particle_protocol import dtls, lightssl
from particle_protocol.cloud_profiles import Transport

__tracebackhide__ = hides


class OutsideDevice:
    """One device with a key of its own, known to the cloud as if it had been made in the factory."""

    def __init__(self, lab: LabRig, device_id: str, platform_id: int, transport: Transport) -> None:
        self.device_id = device_id
        key = lightssl.DeviceKey.generate() if transport is Transport.TCP else dtls.PrivateKey.generate()
        self.private_key = key.der
        """As Device OS reads it."""
        driver, cloud = lab.lab.driver, lab.lab.cloud
        try:
            driver.call(lambda: cloud.factory.manufacture(device_id, platform_id, public_key=key.public_der))
        except CloudError as error:
            raise HarnessError(f"the cloud does not take device {device_id}: {error}", blame=Blame.REQUEST) from error
        self.seen_by_cloud = SeenByCloud(lab.lab, device_id, None)
