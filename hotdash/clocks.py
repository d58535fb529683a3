"""The engine's clocks and the inequalities between them that safe publishing needs.

All in seconds. A value that breaks an inequality is moved to the nearest one that keeps it and a warning
says so; where no value can help, the start is refused.
"""

from dataclasses import dataclass, field

from django.core.exceptions import ImproperlyConfigured


@dataclass
class Clocks:
    """What the environment asks for; `settle` makes it hold together."""

    connect_timeout: float
    read_timeout: float
    lease: float
    resend_after: float
    grace: float
    handover_lead: float
    late_after: float
    engine_gap: float
    dispatch_interval: float
    warnings: list[str] = field(default_factory=list)

    def settle(self) -> "Clocks":
        """Clamp what breaks an inequality; raise `ImproperlyConfigured` where clamping cannot help."""
        for name in ("lease", "resend_after", "dispatch_interval"):
            if getattr(self, name) <= 0:
                raise ImproperlyConfigured(f"{_NAMES[name]} must be more than 0 seconds.")
        if self.connect_timeout + self.read_timeout >= self.lease:
            # Never the lease: it bounds how long a write may be on its way unseen.
            self._set("connect_timeout", min(self.connect_timeout, round(self.lease / 6, 3)), "the lease")
            self._set(
                "read_timeout",
                min(self.read_timeout, round(self.lease * 0.9 - self.connect_timeout, 3)),
                "the lease",
            )
        if self.grace >= self.resend_after:
            self._set("grace", self.resend_after / 2, "RESEND_AFTER_SECONDS")
        if self.handover_lead <= 2 * self.resend_after + 90:
            self._set("handover_lead", 2 * self.resend_after + 91, "2 × RESEND_AFTER_SECONDS + 90")
        if self.late_after <= 2 * self.resend_after:
            self._set("late_after", 2 * self.resend_after + 1, "2 × RESEND_AFTER_SECONDS")
        if self.engine_gap <= 3 * self.dispatch_interval:
            self._set("engine_gap", 3 * self.dispatch_interval + 1, "3 × DISPATCH_INTERVAL_SECONDS")
        return self

    def _set(self, name: str, value: float, because: str) -> None:
        before = getattr(self, name)
        if value != before:
            setattr(self, name, value)
            self.warnings.append(
                f"{_NAMES[name]} is {value:g} s instead of {before:g} s: {because} asks for it."
            )


_NAMES = {
    "connect_timeout": "PROVIDER_CONNECT_TIMEOUT",
    "read_timeout": "PROVIDER_READ_TIMEOUT",
    "lease": "PUBLISH_LEASE_SECONDS",
    "resend_after": "RESEND_AFTER_SECONDS",
    "grace": "RECONCILE_GRACE_SECONDS",
    "handover_lead": "HANDOVER_LEAD_SECONDS",
    "late_after": "LATE_AFTER_SECONDS",
    "engine_gap": "ENGINE_GAP_SECONDS",
    "dispatch_interval": "DISPATCH_INTERVAL_SECONDS",
}
