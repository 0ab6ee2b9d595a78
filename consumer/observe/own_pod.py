"""The pod that this process runs in, as the Kubernetes API knows it: an annotation of its own can be set, and no more.

May know: what a pod is given (environment, token, CA), HTTPS. May not know: workers, what the annotation says.
"""

import json
import os
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import quote

from consumer._version import __version__

GIVEN = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its service account's token, the cluster's CA and its namespace."""
PATIENCE = 5.0
"""Seconds for each step of a request."""
LONGEST = 300
"""Characters of what the API server says that are told."""
_HEADERS = {
    "Content-Type": "application/merge-patch+json",
    "Accept": "application/json",
    "User-Agent": f"lastcall/{__version__}",
}
_OVERLAY = "deploy/kubernetes/overlays/deletion-cost has all that it takes"
_MOUNT = f"mount a token of the pod's service account: {_OVERLAY}"


class PodError(Exception):
    """The annotation could not be set. `cause` is one of a few, whatever the details; `mend` says what to do."""

    def __init__(self, cause: str, detail: str, mend: str) -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause
        self.mend = mend


class OwnPod:
    """Made from what the pod is given. Raises PodError outside of Kubernetes."""

    def __init__(self, environment: Mapping[str, str] = os.environ, given: Path = GIVEN) -> None:
        self._host = environment.get("KUBERNETES_SERVICE_HOST", "")
        self._port = environment.get("KUBERNETES_SERVICE_PORT", "")
        if not (self._host and self._port.isdecimal()):
            detail = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT name no API server"
            raise PodError("there is no Kubernetes here", detail, "switch it off where the worker runs in no pod")
        self._name = environment.get("POD_NAME") or socket.gethostname()
        self._namespace = environment.get("POD_NAMESPACE", "")
        self._given = given

    def annotate(self, key: str, value: str) -> None:
        """Set an annotation, and wait for the answer. The token is read anew: Kubernetes replaces it now and then.

        Raises PodError.
        """
        namespace = self._namespace or self._read("namespace")
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(self._name, safe='')}?fieldManager=lastcall"
        headers = {**_HEADERS, "Authorization": f"Bearer {self._token()}"}
        status, said = self._ask(path, json.dumps({"metadata": {"annotations": {key: value}}}), headers)
        if status != HTTPStatus.OK:
            raise self._refused(status, _message(said), namespace)

    def _ask(self, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        context = self._trust()
        try:
            api = HTTPSConnection(self._host, int(self._port), timeout=PATIENCE, context=context)
            with closing(api):
                api.request("PATCH", path, body, headers)
                answer = api.getresponse()
                return answer.status, answer.read()
        except ssl.SSLCertVerificationError as error:
            mend = f"{self._given / 'ca.crt'} must hold the cluster's CA, and the certificate this address"
            raise PodError("the API server's certificate is not trusted", error.verify_message, mend) from None
        except (OSError, HTTPException) as error:
            mend = "let the pod's NetworkPolicy out to it (443 and 6443); it is tried again"
            raise PodError("the API server does not answer", f"{self._host}:{self._port}: {error}", mend) from None

    def _token(self) -> str:
        token = self._read("token")
        if not re.fullmatch(r"[!-~]+", token):  # http.client would show it in its complaint
            raise PodError("the pod was not given what it needs", f"{self._given / 'token'} holds no token", _MOUNT)
        return token

    def _trust(self) -> ssl.SSLContext:
        """Whatever ca.crt holds, as other clients of Kubernetes do.

        An intermediate CA too; and one without a key identifier, as many clusters have it, which the standard library's
        own default refuses since Python 3.13.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(cadata=self._read("ca.crt"))
        except (ssl.SSLError, ValueError):
            detail = f"{self._given / 'ca.crt'} holds no certificate"
            raise PodError("the pod was not given what it needs", detail, _MOUNT) from None
        return context

    def _read(self, name: str) -> str:
        try:
            return (self._given / name).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise PodError("the pod was not given what it needs", f"{self._given / name}: {why}", _MOUNT) from None

    def _refused(self, status: int, detail: str, namespace: str) -> PodError:
        match status:
            case HTTPStatus.UNAUTHORIZED:
                return PodError("the API server does not know the token (401)", detail, _MOUNT)
            case HTTPStatus.FORBIDDEN:
                mend = f"give it a Role with the verb `patch` on `pods` in {namespace}: {_OVERLAY}"
                return PodError("the service account may not patch pods (403)", detail, mend)
            case HTTPStatus.NOT_FOUND:
                mend = "set POD_NAME and POD_NAMESPACE from the downward API (metadata.name, metadata.namespace)"
                return PodError(f"there is no pod {self._name} in {namespace} (404)", detail, mend)
        return PodError(f"the API server refused it ({status})", detail, "it is tried again")


def _message(said: bytes) -> str:
    """What the API server says, if it is its kind of answer."""
    try:
        return str(json.loads(said)["message"])[:LONGEST]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
