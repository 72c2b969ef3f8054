"""What the cloud knows of a SIM, and how long the mobile network takes to do something about one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from random import Random

from emulator.cloud.settings import CloudSettings
from particle_protocol.skus import ActivationClass, SimForm

DAY = 86_400.0
MINUTE = 60.0


class SimStatus(Enum):
    """The states of a SIM, by the words of the API."""

    ACTIVE = "active"
    NEVER_ACTIVATED = "never_before_activated"
    DEACTIVATED = "inactive_user_deactivated"
    DATA_LIMIT = "inactive_data_limit_reached"
    INVALID_PAYMENT = "inactive_invalid_payment_method"


class SimAction(Enum):
    """What the network has been asked to do."""

    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"
    RELEASE = "release"


class Deactivator(Enum):
    """Who had a SIM deactivated, which decides whether a product that takes it in has it activated."""

    OWNER = "owner"
    """Whose it was, while it was in no product."""
    TEAM = "team"
    """A member of the team of the product that it is in."""


@dataclass(frozen=True, slots=True)
class Sim:
    """One SIM. Its owner is a user, or a product, or nobody."""

    iccid: str
    form: SimForm = SimForm.EMBEDDED
    activation: ActivationClass = ActivationClass.FAST
    status: SimStatus = SimStatus.NEVER_ACTIVATED
    user_id: str | None = None
    product_id: int | None = None
    pending: SimAction | None = None
    due_at: float | None = None
    """When the pending action is done (POSIX seconds)."""
    activations_count: int = 0
    deactivations_count: int = 0
    first_activated_on: float | None = None
    last_activated_on: float | None = None
    last_activated_via: str | None = None
    deactivated_on: float | None = None
    deactivated_by: Deactivator | None = None
    """Since deactivating was asked for, until activating or releasing is."""
    last_status_change_action: SimAction | None = None
    base_country_code: str = "US"
    mb_limit: int | None = None
    updated_at: float = 0.0

    @property
    def owned(self) -> bool:
        """Whether it is anybody's."""
        return self.user_id is not None or self.product_id is not None

    @property
    def active(self) -> bool:
        """Whether a device can get online with it."""
        return self.status is SimStatus.ACTIVE

    @property
    def stays_inactive(self) -> bool:
        """Whether a product's SIM is not active, and stays so: nothing is in progress that ends with it active."""
        if self.pending is SimAction.DEACTIVATE:
            return self.deactivated_by is Deactivator.TEAM
        return self.pending is None and not self.active


def network_delay(sim: Sim, action: SimAction, rng: Random, settings: CloudSettings) -> float:
    """Seconds until an action is done. Deactivating is quick; activating depends on the class, and on whether it is the first time."""
    return settings.activation_speed * _seconds(sim, action, rng, settings)


def _seconds(sim: Sim, action: SimAction, rng: Random, settings: CloudSettings) -> float:
    if action in (SimAction.DEACTIVATE, SimAction.RELEASE):
        return rng.uniform(1, 10)
    first = sim.activations_count == 0
    if sim.activation is ActivationClass.GENERALLY_FAST:
        if first and rng.random() < settings.sim_rare_delay_chance:
            return rng.uniform(MINUTE, DAY)
        return rng.uniform(1, MINUTE)
    if sim.activation is ActivationClass.SOMETIMES_SLOW and not first:
        return 10 * MINUTE * math.pow(3 * DAY / (10 * MINUTE), rng.random())
    return rng.uniform(1, 10)
