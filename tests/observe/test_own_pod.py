"""A pod's own annotation is set by the API's rules; and whatever is wrong is told with the cause and the mend."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from consumer.observe.own_pod import OwnPod, PodError
from tests.observe.api_server import ApiServer

KEY = "controller.kubernetes.io/pod-deletion-cost"
FORBIDDEN = 'pods "orders-7" is forbidden: User "system:serviceaccount:shop:default" cannot patch resource "pods"'


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer.running(tmp_path) as server:
        yield server


def pod(api: ApiServer, **environment: str) -> OwnPod:
    return OwnPod({**api.environment, **environment}, api.given)


def refusal(api: ApiServer, **environment: str) -> PodError:
    with pytest.raises(PodError) as refused:
        pod(api, **environment).annotate(KEY, "3")
    return refused.value


def test_one_annotation_of_the_own_pod_is_merged_and_nothing_else(api: ApiServer) -> None:
    pod(api, POD_NAMESPACE="elsewhere").annotate(KEY, "3")
    patch = api.patched()

    assert patch.path == "/api/v1/namespaces/elsewhere/pods/orders-7?fieldManager=lastcall"
    assert patch.headers["Content-Type"] == "application/merge-patch+json"
    assert patch.headers["Authorization"] == "Bearer first"
    assert patch.body == {"metadata": {"annotations": {KEY: "3"}}}


def test_without_the_downward_api_it_is_the_hostname_in_the_accounts_namespace(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "orders-8")
    pod(api, POD_NAME="").annotate(KEY, "3")

    assert api.patched().path.startswith("/api/v1/namespaces/shop/pods/orders-8?")


def test_a_token_that_was_replaced_is_used_from_then_on(api: ApiServer) -> None:
    ours = pod(api)
    ours.annotate(KEY, "3")
    api.give(token="second\n")
    ours.annotate(KEY, "4")

    assert [api.patched().headers["Authorization"] for _ in range(2)] == ["Bearer first", "Bearer second"]


def test_a_403_says_which_role_is_missing(api: ApiServer) -> None:
    api.next_answers((403, FORBIDDEN))
    refused = refusal(api)

    assert FORBIDDEN in str(refused)
    assert "verb `patch` on `pods` in shop" in refused.mend
    assert "overlays/deletion-cost" in refused.mend


@pytest.mark.parametrize(
    ("status", "cause", "mend"),
    [
        (401, "the API server does not know the token (401)", "mount a token"),
        (404, "there is no pod orders-7 in shop (404)", "POD_NAME and POD_NAMESPACE"),
        (429, "the API server refused it (429)", "it is tried again"),
        (500, "the API server refused it (500)", "it is tried again"),
    ],
)
def test_every_refusal_has_its_mend(api: ApiServer, status: int, cause: str, mend: str) -> None:
    api.next_answers((status, "why"))
    refused = refusal(api)

    assert (refused.cause, str(refused)) == (cause, f"{cause}: why")
    assert mend in refused.mend


def test_a_server_of_another_ca_gets_no_token(api: ApiServer) -> None:
    api.give(**{"ca.crt": trustme.CA().cert_pem.bytes().decode()})

    assert refusal(api).cause == "the API server's certificate is not trusted"
    assert api.nothing_more


def test_a_server_of_another_name_gets_no_token(tmp_path: Path) -> None:
    with ApiServer.running(tmp_path, host="kubernetes.example") as api:
        assert refusal(api).cause == "the API server's certificate is not trusted"
        assert api.nothing_more


@pytest.mark.parametrize("name", ["token", "ca.crt", "namespace"])
def test_what_a_pod_was_not_given_is_named(api: ApiServer, name: str) -> None:
    (api.given / name).unlink()
    refused = refusal(api)

    assert name in str(refused)
    assert "mount a token" in refused.mend


@pytest.mark.parametrize("token", ["", "sec\nret", "sec ret", "secrét"])
def test_a_token_that_is_none_is_not_shown(api: ApiServer, token: str) -> None:
    api.give(token=token)
    refused = refusal(api)

    assert "holds no token" in str(refused)
    assert "sec" not in f"{refused}{refused.mend}".replace("secrets", "")


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"])
def test_without_a_ca_nobody_is_trusted(api: ApiServer, text: str) -> None:
    api.give(**{"ca.crt": text})

    assert "ca.crt holds no certificate" in str(refusal(api))
    assert api.nothing_more


def test_a_server_that_is_away_is_told_with_its_address(tmp_path: Path) -> None:
    with ApiServer.running(tmp_path) as api:
        pass
    refused = refusal(api)

    assert refused.cause == "the API server does not answer"
    assert f"127.0.0.1:{api.environment['KUBERNETES_SERVICE_PORT']}" in str(refused)
    assert "NetworkPolicy" in refused.mend


@pytest.mark.parametrize("environment", [{}, {"KUBERNETES_SERVICE_HOST": "a", "KUBERNETES_SERVICE_PORT": "tcp://a"}])
def test_elsewhere_than_in_a_pod_it_is_said_that_there_is_no_kubernetes(environment: dict[str, str]) -> None:
    with pytest.raises(PodError, match="there is no Kubernetes here"):
        OwnPod(environment)
