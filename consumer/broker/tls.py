"""How an encrypted connection to the broker is verified, whichever protocol it speaks.

May know: the port's Tls, ssl. May not know: AMQP, HTTP.
"""

import ssl

from consumer.broker.port import Tls


def tls_context(tls: Tls) -> ssl.SSLContext:
    """A context that verifies the broker's certificate and host name, unless told not to."""
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.cert_file is not None:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
