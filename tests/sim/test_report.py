"""The report in its forms: the table, the page with its charts, the events, the progress bar."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from sim.command import command
from sim.report.terminal import print_summary
from sim.summary import Summary

TURNOUT = str(Path(sys.executable).parent / "turnout")
SCENARIO = """
name: a report
for_s: 20
quotas: {bandwidth_bytes_per_s: 300000}
endpoints:
  - name: api
    traffic: {blue: 100}
    deployments:
      - {name: blue, latency: {constant_ms: 1}, request_settings: &room
          {max_concurrent_requests_per_instance: 100}}
      - {name: green, latency: {constant_ms: 2}, request_settings: *room}
  - name: other
    traffic: {blue: 100}
    deployments: [{name: blue, latency: {constant_ms: 9}}]
clients:
  - {name: users, endpoint: api, arrivals: {kind: constant, per_s: 100}, requests: 1000}
  - {name: smoke, endpoint: api, deployment: green, arrivals: {kind: constant, per_s: 1}}
  - {name: lost, endpoint: api, deployment: gren, arrivals: {kind: constant, per_s: 1}}
  - {name: others, endpoint: other, arrivals: {kind: constant, per_s: 1}}
  - {name: large, endpoint: other, arrivals: {kind: constant, per_s: 1}, requests: 2, from_s: 15,
     body_bytes: 500000}
timeline:
  - {at_s: 2, name: mirrored, mirror_traffic: green=50, expect: [copies 50 % ± 0]}
  - {at_s: 4, name: not mirrored, mirror_traffic: green=0}
  - {at_s: 5, name: shifted, traffic: blue=80 green=20, expect: [share green 20 % ± 0, errors 5]}
  - {at_s: 6, name: a typo, traffic: blue=90 gren=10}
  - {at_s: 8, name: slow, slow: green=3}
expect: [refused operations 2, p99 of other/blue < 1 ms]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the scenario, run once: report.txt, report.html, report.json, events.jsonl."""
    made = tmp_path_factory.mktemp("report")
    (made / "a.yml").write_text(SCENARIO)
    written = ["--html", str(made / "report.html"), "--events", str(made / "events.jsonl")]
    for name, flags in (("report.txt", written), ("report.json", ["--json"])):
        done = CliRunner().invoke(command, [str(made / "a.yml"), *flags])
        # Two expectations are wrong on purpose.
        assert (done.exit_code, done.stderr) == (1, "")
        (made / name).write_text(done.stdout)
    return made


def chart(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The traces and the layout of the page's charts."""
    text = (folder / "report.html").read_text()
    begin = text.index("Plotly.newPlot(")
    decoder = json.JSONDecoder()
    traces, end = decoder.raw_decode(text, text.index("[", begin))
    layout, _ = decoder.raw_decode(text, text.index("{", end))
    return traces, layout


def test_the_table_has_a_row_for_each_step_and_deployment(folder: Path) -> None:
    summary = msgspec.json.decode((folder / "report.json").read_bytes(), type=Summary)
    # Wide, so that no cell goes on in a second line.
    print_summary(summary, Console(file=(out := io.StringIO()), width=200))
    text = out.getvalue()
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if line.startswith("│")
    ]
    heads = [row[1] for row in rows if row[1]]
    assert heads == [
        "start", "mirrored", "not mirrored", "shifted", "a typo", "slow", "the whole run",
    ]  # fmt: skip
    mirrored = rows.index(next(row for row in rows if row[1] == "mirrored"))
    of_step = rows[mirrored : mirrored + 4]
    assert [row[2] for row in of_step] == ["api/(refused)", "api/blue", "api/green", "other/blue"]
    # From s, step, served by, requests, share, p50, p95, p99, errors, copies, throttled.
    assert of_step[0][8:] == ["2 unknown_deployment", "100", "0"]
    assert of_step[1][3:5] == ["200", "100.00"]
    assert of_step[2][3:5] == ["0 + 2 direct", "0.00"]
    assert of_step[2][8:] == ["0", "", ""]
    whole = rows[-4:]
    assert [row[3] for row in whole] == ["0 + 19 direct", "900", "100 + 19 direct", "21"]
    assert whole[0][10] != "0", "the large bodies were throttled"


def test_below_the_table_are_refused_operations_and_expectations(folder: Path) -> None:
    text = (folder / "report.txt").read_text()
    assert "6 s, traffic: blue=90 gren=10: refused: (BadRequest) expected a deployment of " in text
    found = re.findall(r"^ *(held|BROKEN)  (.*)$", text, re.MULTILINE)
    assert [mark for mark, _ in found] == ["held", "held", "BROKEN", "BROKEN", "BROKEN"]
    assert found[0][1] == "mirrored: copies 50 % ± 0, got 50 % (100 of 200)"
    assert found[-1][1].startswith("the whole run: p99 of other/blue < 1 ms, got ")


def test_the_charts_show_what_the_report_says(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    traces, layout = chart(folder)
    titles = [one["text"] for one in layout["annotations"]]
    by_row: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for trace in traces:
        by_row.setdefault(trace.get("yaxis", "y"), {}).setdefault(trace["name"], []).append(trace)
    names = {"api/blue", "api/green", "other/blue"}
    assert by_row["y"].keys() == by_row["y2"].keys() == by_row["y3"].keys() == names
    assert titles[:3] == [
        "share of live requests, %",
        "requests per second, by who served them",
        "latency of good answers, ms, logarithmic: p50 (thin) and p99 (thick)",
    ]
    for one in report["whole"]["deployments"]:
        if not one["name"]:
            continue
        name = f"{one['endpoint']}/{one['name']}"
        (live,), (served,) = by_row["y"][name], by_row["y2"][name]
        assert sum(live["y"]) == one["live"]
        times_s = served["x"]
        bin_s = times_s[1] - times_s[0]
        assert sum(served["y"]) * bin_s == pytest.approx(one["outcomes"]["ok"])
    (errors,), (throttled,) = by_row["y6"]["errors"], by_row["y5"]["throttled"]
    assert sum(errors["y"]) * bin_s == pytest.approx(report["whole"]["errors"])
    throttled_kb = report["whole"]["throttled_bytes"] / 1000
    assert sum(throttled["y"]) * bin_s == pytest.approx(throttled_kb)


def test_operations_and_faults_are_marked_at_their_times(folder: Path) -> None:
    _, layout = chart(folder)
    marks = {(one["x"], one["text"]): one["font"]["color"] for one in layout["annotations"][6:]}
    assert marks == {
        (2, "mirror_traffic: green=50"): "#666",
        (4, "mirror_traffic: green=0"): "#666",
        (5, "traffic: blue=80 green=20"): "#666",
        (6, "traffic: blue=90 gren=10 ✗"): "#666",
        (8, "slow: green=3"): "#b30000",
    }
    lines = {shape["x0"] for shape in layout["shapes"] if shape["x0"] == shape["x1"]}
    assert lines == {2, 4, 5, 6, 8}


def test_the_page_loads_nothing_and_has_the_tables(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", text)
    assert "Not everything that was expected held." in text
    assert '<td class="words">api/(refused)</td>' in text
    assert '<td class="words">p99 of other/blue &lt; 1 ms</td>' in text


def test_each_event_is_a_line_of_json_in_the_order_of_time(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    times_ns = [event[0] for event in events]
    assert times_ns == sorted(times_ns)
    numbers = [event[3] for event in events if event[1] in {"taken", "refused"}]
    assert sorted(numbers) == list(range(1, report["whole"]["requests"] + 1))
    answered = {event[2] for event in events if event[1] == "answered"}
    sent = {number for event in events if event[1] == "sent" for number in event[4] if number > 0}
    taken = {event[3] for event in events if event[1] == "taken"}
    assert answered == sent == taken
    copied = [-number for e in events if e[1] == "sent" for number in e[4] if number < 0]
    assert len(copied) == report["whole"]["copies"] == 100
    assert set(copied) == {event[3] for event in events if event[1] == "mirrored"}


def test_12_the_same_seed_gives_the_same_bytes_of_every_form_in_every_process(
    folder: Path, tmp_path: Path
) -> None:
    again = [TURNOUT, "simulate", str(folder / "a.yml"), "--json", "--html"]
    for hash_seed in "1", "2":
        made = tmp_path / hash_seed
        made.mkdir()
        with (made / "report.json").open("wb") as out:
            subprocess.run(
                [*again, str(made / "report.html"), "--events", str(made / "events.jsonl")],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                stdout=out,
                check=False,
                timeout=60,
            )
        for name in "report.json", "report.html", "events.jsonl":
            assert (made / name).read_bytes() == (folder / name).read_bytes()


def test_a_bar_moves_on_a_terminal_and_nothing_is_written_elsewhere(folder: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [TURNOUT, "simulate", folder / "a.yml"],
        stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        # A closed terminal is an error to read from.
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:
            pass
        assert process.wait(60) == 1
    os.close(ours)
    parts = [int(found) for found in re.findall(rb"(\d+)%", shown)]
    assert parts[0] == 0
    assert parts == sorted(parts)
    assert b"a report" in shown


def test_random_worlds_run_for_so_long_as_is_said() -> None:
    done = CliRunner().invoke(command, ["--minutes", "0.01", "--seed", "5"])
    assert (done.exit_code, done.stderr) == (0, "")
    said = r"([\d,]+) worlds from seed 5, [\d,]+ requests: everything held\n"
    found = re.fullmatch(said, done.stdout)
    assert found
    assert int(found[1].replace(",", "")) >= 1
