"""Service agreements: what a plan allows, and what of it is used; usage reports.

The free plan counts as `emulator.cloud.usage` says. A paid plan counts the members of its products that were ever online; a cellular one
not, if its SIM was inactive for the whole month; in an enterprise plan, a device counts only six months after its activation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.cloud.access import Principal
from emulator.cloud.accounts import Accounts
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import Invalid, ReportUnknown
from emulator.cloud.gate import Gate
from emulator.cloud.metering import Meter
from emulator.cloud.records import Device, Organization, Plan, Product
from emulator.cloud.registry import Registry
from emulator.cloud.sims import Sims
from emulator.cloud.usage import Limits
from emulator.cloud.views import is_cellular

GRACE = 183 * 86_400.0
"""Open: seconds of an enterprise plan's six months."""
BLOCK = 100
"""Open: devices in a block of a paid plan."""
FREE_OPERATIONS = 100_000
"""Data operations a month in the free plan."""
REPORT_TYPES = ("devices", "products")


@dataclass(frozen=True, slots=True)
class Agreement:
    """A plan and its use."""

    id: str
    plan: Plan
    name: str
    devices: int
    max_devices: int | None
    operations: int
    """Data operations in the current month (UTC)."""
    max_operations: int | None
    data_limit_mb: int | None

    @property
    def device_limit_reached(self) -> bool:
        """Whether no more devices fit."""
        return self.max_devices is not None and self.devices >= self.max_devices


@dataclass(frozen=True, slots=True)
class UsageReport:
    """A report that somebody asked for."""

    id: str
    agreement_id: str
    report_type: str
    date_period_start: str
    date_period_end: str
    created_at: float
    state: str = "pending"


class Agreements:
    """The plans of users and organizations."""

    def __init__(
        self,
        core: Core,
        gate: Gate,
        accounts: Accounts,
        registry: Registry,
        devices: Devices,
        limits: Limits,
        sims: Sims,
        meter: Meter,
    ) -> None:
        self._core = core
        self._gate = gate
        self._accounts = accounts
        self._registry = registry
        self._devices = devices
        self._limits = limits
        self._sims = sims
        self._meter = meter
        self._reports = core.state.table("usage_reports", UsageReport, lambda report: report.id)

    def of(self, who: Principal, organization: str | None = None) -> Agreement:
        """The caller's own agreement, or an organization's.

        Raises:
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        if organization is not None:
            return self._paid(self._gate.organization(who, organization, "service_agreements:list"))
        user_id = self._gate.developer_only(who, "service_agreements:list")
        products = self._registry.sandbox_products(user_id)
        operations = self._meter.used(("user", user_id)) + self._operations(products)
        settings = self._core.settings
        return Agreement(
            user_id, Plan.FREE, "sandbox", self._limits.free_devices(user_id), settings.device_limit, operations, FREE_OPERATIONS, 100
        )

    def request_report(
        self,
        who: Principal,
        agreement_id: str,
        report_type: str,
        start: str,
        end: str,
        organization: str | None = None,
    ) -> UsageReport:
        """Order a usage report; it is ready a moment later.

        Raises:
            Invalid: another agreement than the caller's, an unknown type, or dates that are none.
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        agreement = self.of(who, organization)
        if agreement.id != agreement_id:
            raise Invalid("service_agreement_id", agreement_id, "is not yours")
        if report_type not in REPORT_TYPES:
            raise Invalid("report_type", report_type, "must be one of " + ", ".join(REPORT_TYPES))
        if _day("date_period_start", start) > _day("date_period_end", end):
            raise Invalid("date_period_start", start, "must not be after the end")
        with self._core.change():
            return self._reports.put(UsageReport(self._core.names.object_id(), agreement_id, report_type, start, end, self._core.now()))

    def report(self, who: Principal, report_id: str, organization: str | None = None) -> UsageReport:
        """A report that was ordered.

        Raises:
            ReportUnknown, PermissionDenied, OrganizationUnknown, ScopeRefused: as named.
        """
        report = self._reports.get(report_id)
        if report is None or report.agreement_id != self.of(who, organization).id:
            raise ReportUnknown(report_id)
        return report

    def billable(self, product: Product) -> Sequence[Device]:
        """The members of a product that its plan counts."""
        members = self._devices.table.where(self._devices.by_product, product.id)
        return members if product.plan is Plan.FREE else [device for device in members if self._counts(device, product.plan)]

    def _counts(self, device: Device, plan: Plan) -> bool:
        if device.first_online_at is None:
            return False
        if is_cellular(device.platform_id) and self._idle_all_month(device):
            return False
        return plan is not Plan.ENTERPRISE or self._core.now() - device.first_online_at >= GRACE

    def _idle_all_month(self, device: Device) -> bool:
        """Whether the SIM was inactive since before this month began."""
        sim = self._sims.by_iccid(device.iccid)
        if sim is None or sim.active:
            return False
        now = datetime.fromtimestamp(self._core.now(), UTC)
        month = datetime(now.year, now.month, 1, tzinfo=UTC).timestamp()
        return sim.deactivated_on is None or sim.deactivated_on < month

    def _paid(self, organization: Organization) -> Agreement:
        products = self._registry.organization_products(organization.id)
        count = sum(len(self.billable(product)) for product in products)
        operations = self._operations(products)
        blocks = max(1, -(-count // BLOCK))
        return Agreement(organization.id, organization.plan, organization.name, count, blocks * BLOCK, operations, None, None)

    def _operations(self, products: Iterable[Product]) -> int:
        """The data operations of this month in products."""
        return sum(self._meter.used(("product", product.id)) for product in products)


def _day(field: str, text: str) -> datetime:
    try:
        return datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(field, text, "must be a date such as 2026-01-05") from None
