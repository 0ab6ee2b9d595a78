"""amqps: the broker is verified unless told otherwise, and a client certificate is shown where one is asked for."""

import ssl
from pathlib import Path

import pytest
import trustme
from yarl import URL

from .harness import WorkerProcess, Workers
from .queues import Jobs
from .wires import Wire

pytestmark = [pytest.mark.broker, pytest.mark.process]


class Tls:
    """A TLS end before the real broker, with a CA of its own; starts workers that dial it."""

    def __init__(self, wire: Wire, wired_url: str, workers: Workers, directory: Path) -> None:
        self.ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)
        self._directory = directory
        self._wire = wire
        self._workers = workers
        self._url = URL(wired_url).with_scheme("amqps").with_host("localhost")

    async def listen(self, host: str = "localhost", *, ask_for_certificate: bool = False) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(host).configure_cert(context)
        if ask_for_certificate:
            self.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        await self._wire.connect(context)

    def client_certificate(self) -> dict[str, str]:
        """The settings that name one, signed by our CA."""
        issued = self.ca.issue_cert("worker@example.org")
        certificate, key = self._directory / "worker.pem", self._directory / "worker.key"
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return {"LASTCALL_TLS_CERT_FILE": str(certificate), "LASTCALL_TLS_KEY_FILE": str(key)}

    async def work(self, **env: str) -> WorkerProcess:
        """A worker that leaves after one message."""
        return await self._workers.start("--max-messages", "1", env={"LASTCALL_AMQP_URL": str(self._url), **env})


@pytest.fixture
def tls(wire: Wire, wired_url: str, workers: Workers, tmp_path: Path) -> Tls:
    return Tls(wire, wired_url, workers, tmp_path)


async def test_a_broker_of_an_unknown_ca_is_refused_with_the_mend(tls: Tls) -> None:
    await tls.listen()
    worker = await tls.work()
    assert await worker.exit() == 1
    assert "LASTCALL_TLS_CA_FILE" in worker.log[-1]
    assert not worker.named("connecting"), "trying again can't help"


async def test_a_broker_of_the_ca_that_the_settings_name_is_consumed_from(tls: Tls, jobs: Jobs) -> None:
    await jobs.publish(1, "return")
    await tls.listen()
    worker = await tls.work(LASTCALL_TLS_CA_FILE=str(tls.ca_file))
    assert await worker.exit() == 0
    assert len(worker.named("settled")) == 1


async def test_a_certificate_for_another_host_is_refused(tls: Tls) -> None:
    await tls.listen("elsewhere.example")
    worker = await tls.work(LASTCALL_TLS_CA_FILE=str(tls.ca_file))
    assert await worker.exit() == 1
    assert "host name" in worker.log[-1]


async def test_verification_is_off_only_when_told(tls: Tls, jobs: Jobs) -> None:
    await jobs.publish(1, "return")
    await tls.listen("elsewhere.example")
    worker = await tls.work(LASTCALL_TLS_VERIFY="false")
    assert await worker.exit() == 0


async def test_a_client_certificate_lets_the_worker_in(tls: Tls, jobs: Jobs) -> None:
    await jobs.publish(1, "return")
    await tls.listen(ask_for_certificate=True)
    worker = await tls.work(LASTCALL_TLS_CA_FILE=str(tls.ca_file), **tls.client_certificate())
    assert await worker.exit() == 0


async def test_without_a_client_certificate_the_worker_is_told_what_may_be_missing(tls: Tls) -> None:
    await tls.listen(ask_for_certificate=True)
    worker = await tls.work(LASTCALL_TLS_CA_FILE=str(tls.ca_file), LASTCALL_CONNECT_TIMEOUT="0.5")
    assert await worker.exit() == 1
    assert "LASTCALL_TLS_CERT_FILE" in worker.log[-1]
