"""Service agreements: what a plan allows, and what of it is used; usage reports.

The free plan counts as `emulator.cloud.usage` says. A paid plan counts the members of its products that were ever online; a cellular one
not, if its SIM was inactive for the whole month; in an enterprise plan, a device counts only six months after its activation.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from emulator.cloud.access import Principal
from emulator.cloud.accounts import Accounts
from emulator.cloud.basics import iso, month_of
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import Invalid, ReportUnknown
from emulator.cloud.gate import Gate
from emulator.cloud.metering import Meter
from emulator.cloud.records import Device, Organization, Owner, OwnerKind, Plan, Product
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
DEVICE_COLUMNS = ("device_id", "device_name", "product_id", "platform_id", "billable", "first_online_at", "last_handshake_at")
PRODUCT_COLUMNS = ("product_id", "name", "platform_id", "devices", "billable_devices", "data_operations")
TRACKER = 26
"""The platform of asset trackers."""


@dataclass(frozen=True, slots=True)
class DeviceCount:
    """Devices of one sort: how many there are, and how many of them the plan counts."""

    owned: int
    billable: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """A plan and its use in the billing period, which is the month (POSIX seconds).

    `sorts` counts devices by sort: `wifi`, `cellular`, `asset_tracker`.
    """

    id: str
    plan: Plan
    name: str
    devices: int
    max_devices: int | None
    operations: int
    """Data operations in the current month (UTC)."""
    max_operations: int | None
    data_limit_mb: int | None
    owner_id: str
    owner_type: str
    starts_on: float
    period: tuple[float, float]
    sorts: Mapping[str, DeviceCount]

    @property
    def paused(self) -> bool:
        """Whether the data operations of the month are used up."""
        return self.max_operations is not None and self.operations >= self.max_operations

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
    devices: tuple[str, ...] = ()
    """Only these, if there are any."""
    products: tuple[str, ...] = ()
    token: str = ""
    """Stands in the link to the file: knowing it is enough."""


class ReportState(Enum):
    """How far a report is."""

    PENDING = "pending"
    AVAILABLE = "available"
    EXPIRED = "expired"


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
        self._by_token = self._reports.index(lambda report: report.token or None)

    def of(self, who: Principal, organization: str | None = None) -> Agreement:
        """The caller's own agreement, or an organization's.

        Raises:
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        if organization is not None:
            return self._paid(self._gate.organization(who, organization, "service_agreements:list"))
        self._gate.developer_only(who, "service_agreements:list")
        user = self._accounts.of(who)
        limit = self._core.settings.operations_limit
        counted = self._free_devices(user.id)
        return Agreement(
            id=user.id,
            plan=Plan.FREE,
            name="sandbox",
            devices=self._limits.free_devices(user.id),
            max_devices=self._core.settings.device_limit,
            operations=self._meter.used(("account", user.id)),
            max_operations=FREE_OPERATIONS if limit is None else limit,
            data_limit_mb=100,
            owner_id=user.id,
            owner_type="individual",
            starts_on=user.created_at,
            period=month_of(self._core.now()),
            sorts=_sorts(counted, counted),
        )

    def request_report(
        self,
        who: Principal,
        agreement_id: str,
        report_type: str,
        start: str,
        end: str,
        organization: str | None = None,
        *,
        devices: Sequence[str] = (),
        products: Sequence[str] = (),
    ) -> UsageReport:
        """Order a usage report, of some devices or products only if they are named; it is ready a moment later.

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
        names = self._core.names
        with self._core.change():
            return self._reports.put(
                UsageReport(
                    names.object_id(),
                    agreement_id,
                    report_type,
                    start,
                    end,
                    self._core.now(),
                    tuple(each.lower() for each in devices),
                    tuple(products),
                    names.token(),
                )
            )

    def report(self, who: Principal, report_id: str, organization: str | None = None) -> UsageReport:
        """A report that was ordered.

        Raises:
            ReportUnknown, PermissionDenied, OrganizationUnknown, ScopeRefused: as named.
        """
        report = self._reports.get(report_id)
        if report is None or report.agreement_id != self.of(who, organization).id:
            raise ReportUnknown(report_id)
        return report

    def state(self, report: UsageReport) -> ReportState:
        """How far a report is now."""
        age, settings = self._core.now() - report.created_at, self._core.settings
        if age < settings.usage_report_delay:
            return ReportState.PENDING
        return ReportState.AVAILABLE if age < settings.usage_report_delay + settings.usage_report_lifetime else ReportState.EXPIRED

    def expires_at(self, report: UsageReport) -> float:
        """Until when a report's file can be had."""
        return report.created_at + self._core.settings.usage_report_delay + self._core.settings.usage_report_lifetime

    def file(self, token: str) -> tuple[UsageReport, Sequence[Sequence[object]]]:
        """A report's file, by the token in its link: a line of names, then a line for each device or product, as they are now.

        Raises:
            ReportUnknown: no such link, not ready yet, or not any more.
        """
        report = self._reports.first(self._by_token, token)
        if report is None or self.state(report) is not ReportState.AVAILABLE:
            raise ReportUnknown(token)
        organization = self._registry.organizations.get(report.agreement_id)
        products = (
            self._registry.sandbox_products(report.agreement_id)
            if organization is None
            else self._registry.organization_products(organization.id)
        )
        if report.products:
            products = [product for product in products if not {str(product.id), product.slug}.isdisjoint(report.products)]
        if report.report_type == "products":
            return report, [PRODUCT_COLUMNS, *(self._product_line(product) for product in products)]
        found = [device for product in products for device in self._members(product)]
        if organization is None and not report.products:
            found += self._devices.table.where(self._devices.in_sandbox, Owner(OwnerKind.USER, report.agreement_id))
        chosen = [device for device in found if not report.devices or device.id in report.devices]
        return report, [DEVICE_COLUMNS, *(self._device_line(device) for device in chosen)]

    def _product_line(self, product: Product) -> Sequence[object]:
        operations = self._operations([product])
        return product.id, product.name, product.platform_id, len(self._members(product)), len(self.billable(product)), operations

    def _device_line(self, device: Device) -> Sequence[object]:
        first = None if device.first_online_at is None else iso(device.first_online_at)
        last = None if device.last_handshake_at is None else iso(device.last_handshake_at)
        product = self._registry.product(device.product_id)
        billable = product is None or product.plan is Plan.FREE or self._counts(device, product.plan)
        return device.id, device.name, device.product_id, device.platform_id, billable, first, last

    def _members(self, product: Product) -> Sequence[Device]:
        return self._devices.table.where(self._devices.by_product, product.id)

    def _free_devices(self, user_id: str) -> Sequence[Device]:
        """What the free plan of a user counts."""
        found = self._devices.table.where(self._devices.in_sandbox, Owner(OwnerKind.USER, user_id))
        for product in self._registry.sandbox_products(user_id):
            if product.plan is Plan.FREE:
                found += self._members(product)
        return found

    def billable(self, product: Product) -> Sequence[Device]:
        """The members of a product that its plan counts."""
        members = self._members(product)
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
        month, _ = month_of(self._core.now())
        return sim.deactivated_on is None or sim.deactivated_on < month

    def _paid(self, organization: Organization) -> Agreement:
        products = self._registry.organization_products(organization.id)
        members = [device for product in products for device in self._members(product)]
        counted = [device for product in products for device in self.billable(product)]
        blocks = max(1, -(-len(counted) // BLOCK))
        return Agreement(
            id=organization.id,
            plan=organization.plan,
            name=organization.name,
            devices=len(counted),
            max_devices=blocks * BLOCK,
            operations=self._operations(products),
            max_operations=None,
            data_limit_mb=None,
            owner_id=organization.id,
            owner_type="organization",
            starts_on=min((product.created_at for product in products), default=self._core.now()),
            period=month_of(self._core.now()),
            sorts=_sorts(members, counted),
        )

    def _operations(self, products: Iterable[Product]) -> int:
        """The data operations of this month in products."""
        return sum(self._meter.used(("product", product.id)) for product in products)


def _sorts(owned: Sequence[Device], billable: Sequence[Device]) -> dict[str, DeviceCount]:
    counts = [Counter(_sort(device) for device in devices) for devices in (owned, billable)]
    return {sort: DeviceCount(counts[0][sort], counts[1][sort]) for sort in ("wifi", "cellular", "asset_tracker")}


def _sort(device: Device) -> str:
    if device.platform_id == TRACKER:
        return "asset_tracker"
    return "cellular" if is_cellular(device.platform_id) else "wifi"


def _day(field: str, text: str) -> time.struct_time:
    try:
        return time.strptime(text[:10], "%Y-%m-%d")
    except ValueError:
        raise Invalid(field, text, "must be a date such as 2026-01-05") from None
