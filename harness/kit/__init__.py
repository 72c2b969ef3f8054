"""The kit for product work: what a test of a fleet needs, the same on emulated boards and on real ones.

`Product` and `Customer` are the REST API of one product and one of its customers in the words of the field; each change is refused in
a real cloud without `--allow-changes`. Start with `Product.create(account, "lamp", "photon")`, or the fixture `product`.
`Network` and `Faults` are what is around boards, and what goes wrong there; `Lab` opens all of it for a script.
"""

from harness.fault_plan import FaultPlan
from harness.kit.customer import Customer
from harness.kit.faults import Faults
from harness.kit.firmware import Firmware, product_firmware
from harness.kit.lab import Lab
from harness.kit.network import Network
from harness.kit.product import Product, Standing
from harness.kit.webhook import Webhook

__all__ = ["Customer", "FaultPlan", "Faults", "Firmware", "Lab", "Network", "Product", "Standing", "Webhook", "product_firmware"]
