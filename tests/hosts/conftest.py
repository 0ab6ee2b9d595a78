"""Every test here gets what the process tests get: a gate, a queue of its own on the real broker, and workers."""

from tests.process.conftest import gate, jobs, workers

__all__ = ["gate", "jobs", "workers"]
