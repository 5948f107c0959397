"""--user: names and numbers of users and groups."""

HINT = "write USER, UID, USER:GROUP or UID:GID"
HIGHEST_ID = 0xFFFF_FFFE  # the last one, -1, means "leave it" to setresuid(2)


class User:
    """Whom the command runs as."""

    __slots__ = ("gid", "groups", "home", "name", "uid")

    def __init__(self, uid: int, gid: int, groups: "list[int]", name: str, home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.name = name
        self.home = home


def parse(word: str) -> User:
    """Look a user up. Raises ValueError(reason, hint).

    A number that the user database does not know is taken as it is, for the group too: images often lack the entry. With a group
    given, it is the only one; without, the user has all groups of the database, as after a login (initgroups(3)).
    """
    import posix
    import pwd

    user, colon, group = word.partition(":")
    if not user or (colon and not group):
        raise ValueError("a name is missing", HINT)
    number = _number(user)
    try:
        entry = pwd.getpwnam(user) if number is None else pwd.getpwuid(number)
    except KeyError:
        if number is None:
            raise ValueError("no such user", "names come from /etc/passwd of the container, numbers need no entry there") from None
        gid = _group(group) if group else number
        return User(number, gid, [gid], user, "/")
    if group:
        gid = _group(group)
        return User(entry.pw_uid, gid, [gid], entry.pw_name, entry.pw_dir)
    groups = posix.getgrouplist(entry.pw_name, entry.pw_gid)
    return User(entry.pw_uid, entry.pw_gid, groups, entry.pw_name, entry.pw_dir)


def _group(word: str) -> int:
    number = _number(word)
    if number is not None:
        return number
    import grp

    try:
        return grp.getgrnam(word).gr_gid
    except KeyError:
        raise ValueError("no such group", "names come from /etc/group of the container, numbers need no entry there") from None


def _number(word: str) -> "int | None":
    if not word.isascii() or not word.isdigit():
        return None
    if len(word) > 10 or int(word) > HIGHEST_ID:  # noqa: PLR2004 -- digits of the highest
        raise ValueError("the number is out of range", HINT)
    return int(word)
