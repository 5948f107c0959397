"""Other inits' command lines: the name that pysupervise was called by chooses whose."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pysupervise.core.settings import Settings


def choose(argv: "list[str]", environment: "Mapping[bytes, bytes]") -> "Settings":
    """Return the settings that the command line of the other init stands for. Exits where that program would."""
    name = argv[0].rpartition("/")[2]
    if name == "dumb-init":
        from pysupervise.features.personality.dumb_init import settings
    elif name == "catatonit":
        from pysupervise.features.personality.catatonit import settings
    else:
        from pysupervise.features.personality.tini import settings
    return settings([name, *argv[1:]], environment)
