"""Every choice of the cloud in one place: limits, times, and what the public facts leave open.

A field whose docstring begins with "Open" is not documented or observed anywhere; `docs/cloud.md` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass

KNOWN_CLIENTS: tuple[tuple[str, str], ...] = (
    ("particle", "particle"),
    ("particle-api", "particle-api"),
    ("particle-cli", "particle-cli"),
    ("CLI2", "client_secret_here"),
    ("legacy_app", "particle"),
    ("spark", "spark"),
    ("Spark", "Spark"),
)
"""OAuth clients that programs carry built in: the documentation's samples, particle-api-js, particle-cli, older tools,
and the SDKs of the time when Particle was called Spark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How often one address may ask, in windows that begin with its first request. The defaults are the documented ones."""

    window: float = 300.0
    """Seconds."""
    requests: int = 10_000
    """Of any kind, in a window."""
    logins: int = 100
    """`POST /oauth/token` in a window."""
    failed_logins: int = 10
    """In a row; then the address may not log in for `lock` seconds."""
    lock: float = 1_800.0
    tokens: int = 100
    """Requests about access tokens in a window."""
    accounts: int = 100
    """Requests about accounts in a window."""
    password_resets: int = 100
    """In a window."""
    streams: int = 100
    """Event streams opened in a window."""
    open_streams: int = 100
    """Event streams open at the same time."""
    serial_numbers: int = 50
    """Looked up by one account in `serial_window` seconds."""
    serial_window: float = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSettings:
    """How this cloud behaves where it may. `CloudSettings.serving()` is meant for outside programs, the default for a lab."""

    password_cost: int = 1
    """log2 of scrypt's N. 1 in a lab (0.02 ms); 14 when serving (about 40 ms)."""
    device_limit: int | None = 100
    """Devices in the free plan of one user; None lifts it."""
    operations_limit: int | None = None
    """Data operations a month in the free plan of one user; then the account pauses until the next month. None never pauses."""
    token_lifetime: float = 7_776_000.0
    """Seconds a token lives unless its grant says otherwise: 90 days."""
    refresh_lifetime: float = 14 * 86_400.0
    """Seconds a refresh token lives."""
    mfa_lifetime: float = 600.0
    """Open. Seconds between a password and its one-time password."""
    reset_lifetime: float = 3_600.0
    """Open. Seconds the token of a password reset lives."""
    claim_code_lifetime: float | None = 86_400.0
    """Open. Seconds a claim code lives; None keeps it for ever. It is used up by the first claim."""
    claim_event: str = "spark/device/claim/success"
    """Open. The event that tells a device its claim code worked; only the prefix `spark/device/claim/` matters to it."""
    legacy_subscriptions: bool = False
    """As before March 2023: an unclaimed device receives no events at all."""
    first_product_id: int = 10_001
    """Open. Where numbering of products begins. Ids are 16 bit, and 0 to 255 are kept for platforms."""
    known_clients: tuple[tuple[str, str], ...] = KNOWN_CLIENTS
    """Pairs of OAuth client id and secret that exist from the start."""
    register_unknown_devices: bool = False
    """Claiming and connecting with a well-formed id nobody manufactured makes the device (for foreign boards)."""
    trust_first_key: bool = True
    """Open. A device without a registered public key may register the one it connects with."""
    answer_timeout: float = 15.0
    """Seconds a device has to answer a function, a variable or a ping."""
    update_timeout: float = 120.0
    """Seconds a device has for an update over the air before its status is `failed`."""
    healing_delay: float = 1.0
    """Open. Seconds from a device's description to the module that it is sent to heal it, as in spark-server: so long safe mode is seen."""
    unprotect_timeout: float = 60.0
    """Open. Seconds between the cloud's nonce and the device's answer; the device itself waits for 60."""
    binary_lifetime: float = 86_400.0
    """Open. Seconds that a compiled binary can be had."""
    max_diagnostics: int = 100
    """Vitals kept per device."""
    diagnostics_lifetime: float = 31 * 86_400.0
    """Seconds vitals are kept: one month."""
    max_locations: int = 1_000
    """Open. Positions kept per device."""
    location_lifetime: float = 30 * 86_400.0
    """Open. Seconds positions are kept."""
    sim_rare_delay_chance: float = 0.01
    """Open. How often a first activation of class "generally fast" takes up to a day."""
    activation_speed: float = 1.0
    """Scales the time a SIM takes to activate; 0 makes it immediate."""
    sim_status_delay: float = 2.0
    """Open. Seconds the mobile network takes to tell how it sees a SIM."""
    sim_status_lifetime: float = 60.0
    """Open. Seconds that answer counts; then the network is asked again."""
    usage_report_delay: float = 10.0
    """Open. Seconds a usage report takes."""
    usage_report_lifetime: float = 7 * 86_400.0
    """Open. Seconds its file can be had."""
    hook_response_chunk: int = 512
    """Bytes of a webhook's answer per `hook-response` event."""
    hook_response_limit: int = 100 * 1024
    """Open. Bytes of a webhook's answer that are read; the rest is not fetched."""
    hook_timeout: float = 20.0
    """Open. Seconds from a webhook's firing to the last byte of its answer."""
    hooks_at_once: int = 50
    """Open. Requests of webhooks that are under way at the same time; the others wait for their turn, within their time."""
    hooks_waiting: int = 1000
    """Open. Requests of webhooks that may be under way or wait; more fail at once."""
    template_steps: int = 100_000
    """Open. Steps that the templates of one webhook's request may take together: a tag, and each time it is filled in."""
    template_size: int = 1024 * 1024
    """Open. Characters that they may make together."""
    max_event_name: int = 64
    """Bytes in an event's name."""
    max_event_data: int = 1024
    """Bytes in an event's data, when published through the API."""
    max_head: int = 64 * 1024
    """Open. Bytes in the head of an HTTP request."""
    head_timeout: float = 10.0
    """Open. Seconds from the first byte of an HTTP request, or from the connection, to the end of its head."""
    max_upload: int = 16 * 1024 * 1024
    """Open. Bytes in a request that uploads something."""
    max_json: int = 1024 * 1024
    """Open. Bytes in a request of JSON, or of a form."""
    max_json_depth: int = 64
    """Open. Levels of JSON in a request."""
    rate_limits: RateLimits | None = None
    """Who asks too often is refused (429); None lets everybody ask."""

    @classmethod
    def serving(cls, *, rate_limits: RateLimits | None = None) -> CloudSettings:
        """For outside programs: passwords cost what they should, and boards that nobody here made are taken in."""
        return cls(password_cost=14, register_unknown_devices=True, rate_limits=rate_limits)
