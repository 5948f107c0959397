"""https: targets: TLS over a connection, with the certificates that this machine trusts. The only part that loads ssl."""

import socket
import ssl

from pysupervise.features.probe.attempt import Deadline, Unhealthy
from pysupervise.features.probe.target import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket


def secure(connection: "_socket.socket", target: Target, deadline: Deadline, *, verify: bool) -> socket.socket:
    """Return the connection inside TLS; the plain one is used up. Raises Unhealthy, OSError."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    plain = socket.socket(fileno=connection.detach())
    try:
        plain.settimeout(deadline.left())
        return context.wrap_socket(plain, server_hostname=target.host)
    except ssl.SSLCertVerificationError as error:
        raise Unhealthy(f"cannot verify {target.name}: {error.verify_message}") from None
    except ValueError as error:  # not a name that a certificate could have
        raise Unhealthy(f"cannot verify {target.name}: {error}") from None
    except ssl.SSLError as error:
        raise Unhealthy(f"cannot speak TLS with {target.name}: {(error.reason or 'unknown').lower().replace('_', ' ')}") from None
    finally:
        plain.close()  # after wrap_socket, which took the descriptor, this closes nothing
