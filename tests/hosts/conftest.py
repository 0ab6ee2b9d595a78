"""Every test here gets what the process tests get: a gate, a queue of its own on the real broker, and workers."""

from tests.hosts.trio_stage import trio_stage
from tests.process.conftest import gate, jobs, workers

__all__ = ["gate", "jobs", "trio_stage", "workers"]
