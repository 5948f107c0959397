"""The pure parts of check: what users write, verdicts from observed facts, culprits from masks, reports."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from pysupervise.cli import procfs
from pysupervise.cli.checking import culprit, phases, report, settings, sockets
from pysupervise.cli.checking.facts import EndFacts, Facts, LateFacts, PortFacts, RequestFacts
from pysupervise.cli.checking.service import split_event
from pysupervise.cli.checking.watch import Member
from pysupervise.cli.output import Screen
from pysupervise.cli.sandbox import Place

TERM, INT = 15, 2
MASK = 1 << (TERM - 1)
PLAN = settings.Plan(("service",), settings.default_ready(), (TERM,))
REQUEST = RequestFacts("http://h/", in_part=False, ended_s=0.5, status=200, error="", body_bytes=6, usual_status=None, accepted="")
PORT = PortFacts("127.0.0.1:80", accepted=1, last_accepted_s=0.001, refused_s=0.006)
END = EndFacts(ended_s=0.6, status=0)
FACTS = Facts(TERM, (REQUEST,), (PORT,), END)


def outcome(facts: Facts, plan: settings.Plan = PLAN) -> dict[str, bool | None]:
    return {verdict.phase: verdict.passed for verdict in phases.judge(plan, facts)}


def words(facts: Facts, phase: str, plan: settings.Plan = PLAN) -> str:
    return next(verdict.words for verdict in phases.judge(plan, facts) if verdict.phase == phase)


def test_all_is_well() -> None:
    assert outcome(FACTS) == {"draining": True, "listener": True, "clean-up": True}


def test_what_was_not_asked_for_is_not_judged() -> None:
    assert outcome(Facts(TERM, (), (), END)) == {"draining": None, "listener": None, "clean-up": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"error": "reset", "status": None}, "was reset 500 ms after TERM"),
        ({"error": "closed without an answer", "status": None}, "ended 500 ms after TERM: closed without an answer"),
        ({"error": "cut off: 3 bytes of its body are missing"}, "3 bytes of its body are missing (status 200, 6 bytes)"),
        ({"status": 503}, "answered with 503"),
        ({"status": 404}, "answered with 404"),
        ({"status": 302, "usual_status": 200}, "answered with 302 500 ms after TERM, and with 200 before the signal"),
        ({"error": "timeout", "ended_s": 10.0}, "had no whole answer 10 s after TERM"),
    ],
)
def test_a_request_that_did_not_end_well_fails_draining(changes: dict[str, object], said: str) -> None:
    facts = replace(FACTS, requests=(replace(REQUEST, **changes),))  # type: ignore[arg-type]
    assert outcome(facts) == {"draining": False, "listener": True, "clean-up": True}
    assert said in words(facts, "draining")


@pytest.mark.parametrize(
    ("in_part", "error", "hinted"), [(True, "reset", True), (True, "closed without an answer", True), (False, "reset", False)]
)
def test_a_request_that_had_not_come_whole_is_told_from_others(in_part: bool, error: str, hinted: bool) -> None:
    facts = replace(FACTS, requests=(replace(REQUEST, in_part=in_part, error=error, status=None),))
    assert words(facts, "draining").endswith("(for a request that has come whole: --slow-http)") is hinted


@pytest.mark.parametrize(("told", "error", "hinted"), [(3, "reset", True), (1, "reset", False), (None, "reset", False), (3, "", False)])
def test_where_several_got_the_signal_that_may_be_why(told: int | None, error: str, hinted: bool) -> None:
    request = replace(REQUEST, error=error, status=None if error else 503)
    said = words(replace(FACTS, requests=(request,), end=replace(END, told=told)), "draining")
    assert ("; pysupervise sent TERM to 3 processes: " in said) is hinted


def test_the_usual_status_is_as_good_as_200() -> None:
    assert outcome(replace(FACTS, requests=(replace(REQUEST, status=401, usual_status=401),)))["draining"] is True


@pytest.mark.parametrize(
    ("lost", "refused_s", "said"),
    [
        ([LateFacts(0.46, "reset")], 0.5, ""),
        (
            [LateFacts(0.44, "reset")],
            0.5,
            "failed: 1 reset (let in 440 ms after TERM; 127.0.0.1:80 refused others",
        ),
        (
            [LateFacts(0.1, "reset"), LateFacts(0.2, "x"), LateFacts(0.3, "reset")],
            0.5,
            "3 of 12 requests on new connections failed: 2 reset, 1 x",
        ),
        ([LateFacts(0.1, "reset")], None, "127.0.0.1:80 never refused any"),
        ([LateFacts(0.46, "answered 503", 503)], 0.5, "failed: 1 answered 503 (let in"),
        ([LateFacts(0.46, "answered 500", 500)], 0.5, ""),
    ],
)
def test_what_is_let_in_after_the_signal_may_be_lost_in_the_moment_of_closing_only(
    lost: list[LateFacts], refused_s: float | None, said: str
) -> None:
    port = replace(PORT, refused_s=refused_s, late={"answered 200": 9, "reset": 3}, lost=tuple(lost))
    facts = replace(FACTS, ports=(port,), usual_status=500)
    assert outcome(facts)["draining"] is not bool(said)
    assert said in words(facts, "draining")


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({"refused_s": 1.0}, True),
        ({"refused_s": 1.01}, False),
        ({"refused_s": None}, False),
        ({"refused_s": None, "accepted": 0, "hung": 3}, False),
    ],
)
def test_the_listener_has_to_refuse_in_time(changes: dict[str, object], passed: bool) -> None:
    assert outcome(replace(FACTS, ports=(PORT, replace(PORT, **changes))))["listener"] is passed  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "signum", "expected", "passed"),
    [
        (0, TERM, None, True),
        (143, TERM, None, True),
        (143, INT, None, False),
        (130, INT, None, True),
        (1, TERM, None, False),
        (0, TERM, frozenset({7}), False),
        (7, TERM, frozenset({7}), True),
    ],
)
def test_the_exit_status_is_graceful_or_the_expected_one(status: int, signum: int, expected: frozenset[int] | None, passed: bool) -> None:
    facts = replace(FACTS, signum=signum, end=replace(END, status=status))
    assert outcome(facts, replace(PLAN, expected=expected))["clean-up"] is passed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ended_s": None, "status": None}, "not everybody had ended 10 s after TERM; the container would have been killed after 10 s"),
        ({"killed_s": 5.01, "status": 137}, "not everybody had ended 5.01 s after TERM, when pysupervise sent KILL"),
        ({"leftovers": ("pid 9 `x`",)}, "left behind: pid 9 `x`"),
        ({"open_sockets": ("0.0.0.0:80",)}, "still listening: 0.0.0.0:80"),
        ({"zombies": (culprit.Culprit("zombie", 5, 50, "x", "is one", ""),)}, "1 zombie for which nobody waited"),
    ],
)
def test_what_is_left_fails_the_clean_up(changes: dict[str, object], said: str) -> None:
    facts = replace(FACTS, end=replace(END, **changes))  # type: ignore[arg-type]
    assert outcome(facts) == {"draining": True, "listener": True, "clean-up": False}
    assert said in words(facts, "clean-up")


def member(
    pid: int, *, state: str = "S", caught: int = 0, blocked: int = 0, ignored: int = 0, pending: int = 0, inner: int = 0, name: str = "svc"
) -> Member:
    stat = procfs.Stat(pid, name, state, 1, pid, pid, 0, -1, 1, 100, 0, 0, kernel_thread=False)
    lines = {
        "SigIgn": f"{ignored:016x}",
        "SigCgt": f"{caught:016x}",
        "SigBlk": f"{blocked:016x}",
        "ShdPnd": f"{pending:016x}",
        "State": state,
    }
    status = procfs.Status(0, 0, 1, (pid, inner or pid), pending, blocked, ignored, caught, lines)
    return Member(stat, status, blocked, name)


DEFAULT = member(20)


@pytest.mark.parametrize(
    ("now", "was", "children", "received", "kind"),
    [
        (member(20, ignored=MASK), DEFAULT, [], True, "ignores"),
        (member(20, blocked=MASK, pending=MASK), DEFAULT, [], True, "blocks"),
        (member(20, blocked=MASK), member(20, blocked=MASK), [], True, "takes"),
        (member(20, caught=MASK), member(20, caught=MASK), [], True, "handles"),
        (member(20, caught=MASK), member(20, ignored=MASK), [], True, "too-early"),
        (member(20, caught=MASK, inner=1), member(20, inner=1), [], True, "too-early"),
        (DEFAULT, member(20, ignored=MASK), [], True, "too-early"),
        (DEFAULT, member(20, ignored=MASK), [], None, "too-early"),
        (DEFAULT, member(20, caught=MASK), [], True, "handles"),
        (member(20, caught=MASK, name="bash"), member(20, caught=MASK, name="bash"), [DEFAULT], True, "shell"),
        (member(20, inner=1), member(20, inner=1), [], True, "init-without-handler"),
        (replace(member(20, inner=1), awaits=True), member(20, inner=1), [], True, "takes"),
        (member(20, state="T", ignored=MASK), DEFAULT, [], True, "stopped"),
        (member(20, state="t"), DEFAULT, [], True, "traced"),
        (member(20, state="D"), DEFAULT, [], True, "uninterruptible"),
        (member(20, state="Z"), DEFAULT, [], True, "zombie"),
        (DEFAULT, DEFAULT, [], False, "unreached"),
        (member(20, caught=MASK), member(20, caught=MASK), [], False, "unreached"),
        (member(20, blocked=MASK), member(20, blocked=MASK), [], False, "unreached"),
        (DEFAULT, None, [], None, "newcomer"),
        (member(20, ignored=MASK), None, [], False, "newcomer"),
        (member(20, ignored=MASK), None, [], True, "ignores"),
        (replace(DEFAULT, status=None), DEFAULT, [], None, "unreadable"),
    ],
)
def test_a_culprit_is_known_by_its_masks(now: Member, was: Member | None, children: list[Member], received: bool | None, kind: str) -> None:
    assert culprit.explain(now, was, None, children, TERM, received=received).kind == kind


def test_the_evidence_is_the_line_that_was_read() -> None:
    found = culprit.explain(member(20, ignored=MASK, inner=17, name="sleep"), DEFAULT, None, [], TERM, received=True)
    assert str(found) == "pid 17 `sleep` got TERM and ignores it (SigIgn: 0000000000004000)"
    assert "if TERM reached it: ignores it" in str(culprit.explain(member(20, ignored=MASK), DEFAULT, None, [], TERM, received=None))


def test_who_ignored_the_signal_when_it_came_is_not_said_to_have_its_default_action_then() -> None:
    found = culprit.explain(DEFAULT, member(20, ignored=MASK), None, [], TERM, received=True)
    assert found.words == "has the default action for TERM now, but ignored it when TERM came (then SigIgn: 0000000000004000)"


def test_a_signal_whose_default_action_ends_nobody_is_not_said_to_end_anybody() -> None:
    for received in (True, False, None):
        found = culprit.explain(DEFAULT, DEFAULT, None, [], 28, received=received)
        assert found.words == "has no handler for WINCH, whose default action ends nobody"


def test_who_is_killed_with_pid_1_fails_a_start_up_too() -> None:
    verdict = phases.start_up(PLAN, TERM, 0.1, replace(END, killed=(culprit.killed(member(5)),)))
    assert (verdict.passed, verdict.words, len(verdict.culprits)) == (
        False,
        "TERM came 100 ms after exec: 1 process killed as PID 1 ended 600 ms after TERM",
        1,
    )


def test_a_failure_has_its_time_too() -> None:
    never = replace(PORT, refused_s=None)
    verdicts = phases.judge(PLAN, replace(FACTS, ports=(PORT, never), end=EndFacts(None, None)))
    assert [verdict.seconds for verdict in verdicts] == [0.5, 10.0, 10.0]
    verdicts = phases.judge(PLAN, replace(FACTS, end=EndFacts(0.6, 3)))
    assert (verdicts[1].seconds, verdicts[2].seconds) == (0.006, 0.6)
    assert verdicts[2].words == "exit status 3, expected 0 or 143; it ended 600 ms after TERM"
    assert phases.start_up(PLAN, TERM, 0.1, EndFacts(None, None)).seconds == 10.0


def test_a_zombie_is_named_once_and_with_the_number_of_its_own_namespace() -> None:
    zombie = culprit.explain(member(70, state="Z", inner=4), None, member(60, inner=2), [], TERM, received=None)
    assert str(zombie) == "pid 4 `svc` has ended and is a zombie: pid 2 `svc` has not waited for it (State: Z)"
    end = EndFacts(ended_s=None, status=None, culprits=(zombie,), zombies=(zombie, replace(zombie, pid=5, outer_pid=71)))
    assert [found.pid for found in phases.judge(PLAN, replace(FACTS, end=end))[2].culprits] == [4, 5]


def test_an_answer_without_a_length_is_not_called_whole() -> None:
    said = words(replace(FACTS, requests=(replace(REQUEST, unmeasured=True),)), "draining")
    assert said == (
        "the request in flight was answered with 200, 6 bytes until its connection ended (it says no length, so a cut would not show), "
        "500 ms after TERM"
    )


def test_one_attempt_is_one() -> None:
    shown = [words(replace(FACTS, ports=(replace(PORT, hung=hung),)), "listener").rpartition("; ")[2] for hung in (1, 2)]
    assert shown == ["1 attempt was left hanging", "2 attempts were left hanging"]


def test_who_held_a_late_listener_open_is_named() -> None:
    port = replace(PORT, refused_s=None, holders=("pid 3 `a`", "pid 4 `b`"))
    assert words(replace(FACTS, ports=(PORT, port)), "listener").endswith("(--refused-within); pid 3 `a`, pid 4 `b` held it open")
    assert "held it open" not in words(replace(FACTS, ports=(replace(port, refused_s=0.1),)), "listener")


def test_addresses_that_were_not_tried_are_named() -> None:
    assert words(replace(FACTS, untried=("[::]:9", "unix:/s")), "listener").endswith("; 2 more not tried: [::]:9, unix:/s")


def test_pysupervise_is_no_culprit_and_a_bare_command_is_one() -> None:
    look = {10: member(10, blocked=MASK, inner=1), 20: member(20, ignored=MASK, inner=2)}
    assert [found.pid for found in culprit.culprits(look, look, TERM, 10, bare=False, got=frozenset({2}))] == [2]
    assert [found.pid for found in culprit.culprits(look, look, TERM, 10, bare=True, got=None)] == [2, 1]


def test_junit_is_valid_whatever_the_words() -> None:
    bad = replace(FACTS, end=replace(END, status=1, leftovers=('pid 9 `a<b>&"\x1b\x00\ud800`',)))
    made = report.Report(PLAN, Place.NAMESPACE)
    made.rounds.append(report.Told(TERM, 1, "", 0.1, phases.judge(PLAN, bad), bad, ["\x00out"]))
    made.error, made.error_signum = "cannot check: <x>", INT
    root = ET.fromstring(report.junit(made))  # noqa: S314 -- our own text
    assert (root.tag, root[0].tag, root[0].get("tests"), root[0].get("failures"), root[0].get("errors")) == (
        "testsuites",
        "testsuite",
        "4",
        "1",
        "1",
    )
    (failure,) = root.iter("failure")
    assert 'left behind: pid 9 `a<b>&"???`' in str(failure.get("message"))
    assert [case.get("classname") for case in root[0]] == ["pysupervise.check.TERM"] * 3 + ["pysupervise.check.INT"]
    assert not made.passed


def test_a_line_shows_five_culprits_and_counts_the_rest() -> None:
    many = tuple(culprit.Culprit("ignores", pid, pid, "x\x1b", "stays", "") for pid in range(1, 8))
    verdict = phases.judge(PLAN, replace(FACTS, end=EndFacts(None, None, culprits=many)))[2]
    lines = report.line(Screen(None, colour=False, unicode=False), "TERM", verdict).splitlines()
    assert lines[0].startswith("FAIL  TERM  clean-up  not everybody")
    assert (len(lines), lines[1], lines[-1]) == (7, "      pid 1 `x?` stays", "      and 2 more")


def test_an_event_is_taken_out_of_the_commands_words() -> None:
    event = '{"time": "t", "elapsed_s": 1, "level": "info", "pid": 1, "event": "spawned", "message": "m"}'
    assert split_event("half a line" + event)[0] == "half a line"
    assert (split_event(event)[1] or {})["event"] == "spawned"
    for line in ("plain", '{"time": "x"}', '{"time": "t", "event": "spawned"}', event.replace("spawned", "unheard"), event[:-3]):
        assert split_event(line) == (line, None)


def test_a_line_of_proc_net_tcp_is_read() -> None:
    line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 12345 1 x 100 0 0 10 0"
    remote = sockets.Endpoint("0.0.0.0", 0)  # noqa: S104 -- read, not bound
    assert sockets.parse(line) == sockets.Socket(sockets.Endpoint("127.0.0.1", 8080), remote, 10, 3, 12345)
    mapped = line.replace("0100007F:", "0000000000000000FFFF00000100007F:").replace("00000000:0000 0A", "0" * 32 + ":0000 0A")
    found = sockets.parse(mapped)
    assert (found.local, found.remote[0], str(replace(found, local=sockets.Endpoint("::", 80)))) == (("127.0.0.1", 8080), "::", "[::]:80")
    assert replace(found, local=sockets.Endpoint("::", 80)).reach == ("::1", 80)


@pytest.mark.parametrize(
    ("word", "kind", "host", "port"),
    [
        ("tcp:80", "tcp", "localhost", 80),
        ("tcp:[::1]:80", "tcp", "::1", 80),
        ("tcp:h:80", "tcp", "h", 80),
        ("log:a:b", "log", "", 0),
        ("http:http://h/x", "http", "", 0),
        ("http://h/x", "http", "", 0),
        ("delay:2s", "delay", "", 0),
    ],
)
def test_a_sign_of_readiness_is_read(word: str, kind: str, host: str, port: int) -> None:
    found = settings.ready(word)
    assert (found.kind, found.host, found.port) == (kind, host, port)


def test_a_url_is_read_in_parts() -> None:
    assert settings.url("https://[::1]/a?b=c#d") == settings.Url("https://[::1]/a?b=c#d", True, "::1", 443, "/a?b=c")
    for word in ("http://h:99999/", "h/", "http://", "http://h/a b", "http://h/é"):
        with pytest.raises(ValueError, match="URL"):
            settings.url(word)


def test_addresses_are_what_the_options_name_each_once() -> None:
    plan = replace(PLAN, http=settings.url("http://h:1/"), slow_http=settings.url("http://h:1/slow"), ready=settings.ready("tcp:h:2"))
    assert plan.addresses() == [("h", 1), ("h", 2)]


def test_each_moment_of_a_start_has_a_name_of_its_own_in_junit() -> None:
    verdicts = [phases.start_up(PLAN, TERM, 0.1, replace(END, ended_s=None)), phases.start_up(PLAN, TERM, 0.2, END)]
    made = report.Report(PLAN, Place.HERE, rounds=[report.Told(TERM, 1, "up", 0.3, verdicts, None, [])])
    root = ET.fromstring(report.junit(made))  # noqa: S314 -- our own text
    assert [case.get("name") for case in root.iter("testcase")] == ["start-up", "start-up 2"]
