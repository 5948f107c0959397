"""How often the kernel's OOM killer acted in our cgroup: asked after the start and again where KILL ended the command."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def oom_kills(kernel: "ModuleType") -> int:
    """Return how often the kernel's OOM killer acted in our cgroup: oom_kill of memory.events (v2) or memory.oom_control (v1)."""
    try:
        lines = kernel.read_file("/proc/self/cgroup").decode(errors="replace").splitlines()
    except OSError:
        return 0
    for line in lines:
        _, controllers, path = line.split(":", 2)
        roots: tuple[str, ...]
        if not controllers:
            roots, file = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"), "memory.events"
        elif "memory" in controllers.split(","):
            roots, file = ("/sys/fs/cgroup/memory",), "memory.oom_control"
        else:
            continue
        # In a container without a cgroup namespace the path is the host's, and the mount begins at our own.
        for place in [f"{root}{path.rstrip('/')}/{file}" for root in roots] + [f"{root}/{file}" for root in roots]:
            try:
                content = kernel.read_file(place)
            except OSError:
                continue
            for field in content.splitlines():
                if field.startswith(b"oom_kill "):
                    return int(field.split()[1])
    return 0
