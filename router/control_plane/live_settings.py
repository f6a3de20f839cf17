"""What of turnout.yml may change while the daemon runs, as it is now. Endpoints aside."""

from router.core.config import DaemonConfig
from router.core.quota_settings import quotas_of


class LiveSettings:
    """The newest values; whoever needs one asks here each time.

    Attributes:
        drain_timeout_ms: how long what leaves may finish what it was given.
        instance_types: what the names in `instance_type` stand for; for new instances.
        quota_of: what an endpoint may use, by its name; routing has it.
    """

    def __init__(self, config: DaemonConfig) -> None:
        self.take(config)

    def take(self, config: DaemonConfig) -> None:
        """Puts those of ``config`` in place of the present ones."""
        self.drain_timeout_ms = config.data_plane.drain_timeout_ms
        self.instance_types = config.instance_types
        self.quota_of = quotas_of(config.quotas)
