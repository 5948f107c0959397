"""What to probe, from the text that users write. Parsers raise ValueError(reason, hint)."""

KINDS_HINT = "targets are tcp:HOST:PORT, http://HOST/PATH, https://HOST/PATH, unix:PATH, pid:FILE and exec:COMMAND"
PORT_HINT = "write tcp:PORT, tcp:HOST:PORT or tcp:[ADDRESS]:PORT"
URL_HINT = "write http://HOST/PATH, http://HOST:PORT/PATH or http://[ADDRESS]:PORT/PATH"
HIGHEST_PORT = 65535
# sockaddr_un has 108 bytes (unix(7)); a path needs one for its end, an abstract name one for its beginning.
LONGEST_UNIX_NAME = 107
HTTP_PORT, HTTPS_PORT = 80, 443
# What stands in a path or query as it is (RFC 3986); % begins what is written as a number already.
URL_MARKS = "-._~:/?[]@!$&'()*+,;=%"


class Target:
    """One thing to probe: ``word`` as it was written, ``name`` as sentences have it, and what its kind needs."""

    __slots__ = ("command", "host", "kind", "name", "path", "port", "secure", "word")

    def __init__(self, kind: str, word: str, name: str) -> None:
        self.kind = kind
        self.word = word
        self.name = name
        self.host = ""
        self.port = 0
        self.path = ""
        self.secure = False
        self.command: list[str] = []


def parse(word: str) -> Target:
    """Return the target that a word stands for."""
    kind, _, rest = word.partition(":")
    if kind == "tcp":
        return _tcp(word, rest)
    if kind.lower() in ("http", "https"):  # a scheme has no case (RFC 3986)
        return _http(word, kind.lower(), rest)
    if kind == "unix":
        return _unix(word, rest)
    if kind == "pid":
        if not rest or "\0" in rest:
            raise ValueError("no file is named", "write pid:/run/service.pid")
        target = Target("pid", word, rest)
        target.path = rest
        return target
    if kind == "exec":
        if not rest:
            raise ValueError("no command is named", "write exec:COMMAND, and its arguments as words of their own after it")
        target = Target("exec", word, f"exec {rest}")
        target.command = [rest]
        return target
    raise ValueError("no such kind of target", KINDS_HINT)


def _tcp(word: str, rest: str) -> Target:
    host, port = _authority(rest if ":" in rest else f"127.0.0.1:{rest}", 0, PORT_HINT)
    target = Target("tcp", word, f"tcp {bracketed(host)}:{port}")
    target.host, target.port = host, port
    return target


def _http(word: str, scheme: str, rest: str) -> Target:
    if not rest.startswith("//"):
        raise ValueError("not a URL", URL_HINT)
    rest = rest[2:].partition("#")[0]
    end = min((place for place in (rest.find("/"), rest.find("?")) if place >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:]
    if "@" in authority:
        raise ValueError("a URL with a password ends up in process lists", "write --header 'Authorization:Basic ...'")
    default = HTTPS_PORT if scheme == "https" else HTTP_PORT
    host, port = _authority(authority, default, URL_HINT)
    if not path.startswith("/"):
        path = "/" + path
    if not path.isprintable() or " " in path:
        raise ValueError("blanks and control characters have no place in a URL", "write a blank as %20")
    target = Target("http", word, word)
    target.host, target.port, target.secure = host, port, scheme == "https"
    target.path = "".join(c if c.isascii() and (c.isalnum() or c in URL_MARKS) else _percent(c) for c in path)
    return target


def _unix(word: str, rest: str) -> Target:
    abstract = rest.startswith("@")
    if not rest or rest == "@":
        raise ValueError("no socket is named", "write unix:/run/service.sock, or unix:@NAME for the abstract namespace")
    if "\0" in rest:
        raise ValueError("the name contains a NUL", "write unix:@NAME for the abstract namespace")
    if len(rest.encode(errors="surrogateescape")) > LONGEST_UNIX_NAME + abstract:
        raise ValueError(f"the name is longer than {LONGEST_UNIX_NAME} bytes, the most that the kernel takes", "use a shorter path")
    target = Target("unix", word, f"unix {rest}")
    target.path = rest
    return target


def _authority(text: str, default_port: int, hint: str) -> "tuple[str, int]":
    """Return (host, port) of HOST[:PORT]; a default port of 0 stands for none."""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("not [ADDRESS]:PORT", hint)
        if ":" not in host:
            raise ValueError("brackets are for IPv6 addresses", hint)
        colon, port = port[:1], port[1:]
    else:
        host, colon, port = text.rpartition(":")
        if not colon:
            host, port = text, ""
        if ":" in host:
            raise ValueError("an IPv6 address needs brackets", hint)
    if not host:
        raise ValueError("no host is named", hint)
    if not host.isascii():
        raise ValueError("the host's name is not ASCII", "write its form for the DNS, which begins with xn--")
    if not all(c.isalnum() or c in "-._:%" for c in host):
        raise ValueError("not the name of a host", hint)
    if not port:
        if colon or not default_port:
            raise ValueError("no port is given", hint)
        return host, default_port
    if not (port.isascii() and port.isdigit() and len(port) <= len(str(HIGHEST_PORT)) and 0 < int(port) <= HIGHEST_PORT):
        raise ValueError(f"{port!r} is no port", f"a number from 1 to {HIGHEST_PORT}")
    return host, int(port)


def bracketed(host: str) -> str:
    """Return a host as it stands before a port."""
    return f"[{host}]" if ":" in host else host


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode(errors="surrogateescape"))
