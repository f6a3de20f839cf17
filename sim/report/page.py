"""The summary as one page that stands alone: tables, and charts over virtual time."""

import jinja2
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sim.asked import OK
from sim.checkers.broken import Place
from sim.clock import NS_PER_S
from sim.record import Part, Record
from sim.summary import Summary, percentile_ms

# Of Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
ROWS = (
    "share of live requests, %",
    "requests per second, by who served them",
    "latency of good answers, ms, logarithmic: p50 (thin) and p99 (thick)",
    "queued and outstanding, at most",
    "throttled, kB per second",
    "requests without a good answer, per second",
)
_PAGE = jinja2.Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ summary.scenario }}</title><style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } caption { text-align: left; font-weight: 600 }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd }
th { border-bottom: 1px solid #888 } .words { text-align: left }
.held { color: #00704f } .broken { color: #b30000; font-weight: 600 }
</style></head><body>
<h1>{{ summary.scenario }}</h1>
<p>Seed {{ summary.seed }}, {{ "{:,}".format(summary.whole.requests) }} requests.
{% if summary.held %}<span class="held">Everything that was expected held.</span>
{% else %}<span class="broken">Not everything that was expected held.</span>{% endif %}</p>
{{ charts | safe }}
<table><caption>Steps</caption><tr><th>from s</th><th class="words">step</th>
<th class="words">served by</th><th>live</th><th>direct</th><th>share %</th><th>p50 ms</th>
<th>p95 ms</th><th>p99 ms</th><th>errors</th><th>copies</th><th>throttled MB</th></tr>
{% for step in summary.steps %}{% for one in step.deployments %}<tr>
<td>{{ step.at_s if loop.first }}</td><td class="words">{{ step.name if loop.first }}</td>
<td class="words">{{ summary.label((one.endpoint, one.name)) }}</td>
<td>{{ "{:,}".format(one.live) }}</td>
<td>{{ "{:,}".format(one.direct) }}</td><td>{{ one.share_percent }}</td>
<td>{{ one.p50_ms if one.p50_ms is not none }}</td>
<td>{{ one.p95_ms if one.p95_ms is not none }}</td>
<td>{{ one.p99_ms if one.p99_ms is not none }}</td><td>{{ "{:,}".format(one.errors) }}</td>
<td>{{ "{:,}".format(step.copies) if loop.first }}</td>
<td>{{ "{:.1f}".format(step.throttled_bytes / 1e6) if loop.first }}</td></tr>
{% endfor %}{% endfor %}</table>
{% if summary.compared %}<table><caption>Measured by clients, and simulated</caption>
<tr><th class="words">served by</th><th>percentile</th><th>measured ms</th><th>simulated ms</th>
<th>off %</th></tr>
{% for one in summary.compared %}<tr>
<td class="words">{{ summary.label((one.endpoint, one.name)) }}</td>
<td>{{ one.percentile }}</td><td>{{ one.measured_ms }}</td>
<td>{{ one.simulated_ms if one.simulated_ms is not none }}</td>
<td>{{ one.off_percent if one.off_percent is not none }}</td></tr>{% endfor %}</table>{% endif %}
<table><caption>Operations</caption><tr><th>at s</th><th class="words">operation</th>
<th>took s</th><th class="words">outcome</th></tr>
{% for one in summary.operations %}<tr><td>{{ one.at_s }}</td><td class="words">{{ one.words }}</td>
<td>{{ one.took_s if one.took_s is not none }}</td><td class="words">{{ one.outcome }}</td></tr>
{% endfor %}</table>
<table><caption>Expectations</caption><tr><th class="words">of</th><th class="words">expected</th>
<th class="words">got</th><th></th></tr>
{% for step in expecting %}{% for one in step.expected %}<tr><td class="words">{{ step.name }}</td>
<td class="words">{{ one.words }}</td><td class="words">{{ one.found }}</td>
<td class="{{ 'held' if one.held else 'broken' }}">{{ "held" if one.held else "broken" }}</td></tr>
{% endfor %}{% endfor %}</table></body></html>
""")


def page(summary: Summary, record: Record) -> str:
    """The page, as HTML; it loads nothing from anywhere."""
    charts = _figure(summary, record).to_html(
        full_html=False,
        include_plotlyjs=True,
        config={"displaylogo": False},
        # By chance otherwise.
        div_id="charts",
    )
    expecting = (*summary.steps, summary.whole)
    return _PAGE.render(summary=summary, charts=charts, expecting=expecting)


def _figure(summary: Summary, record: Record) -> go.Figure:
    figure = make_subplots(
        rows=len(ROWS), cols=1, shared_xaxes=True, vertical_spacing=0.05, subplot_titles=ROWS
    )
    bins = record.bins()
    times_s = [number * record.bin_s for number in range(len(bins))]
    places = sorted({place for part in bins for place in part.by_place if place[1]})
    for place, colour in zip(places, COLOURS * len(places), strict=False):
        label = summary.label(place)
        _add_deployment(figure, place, label, colour, times_s, record.bin_s, bins)
    throttled = [part.throttled_bytes / 1000 / record.bin_s for part in bins]
    _add(figure, 5, "throttled", "#555", times_s, throttled)
    errors = [_errors(part) / record.bin_s for part in bins]
    _add(figure, 6, "errors", COLOURS[5], times_s, errors)
    for number, (at_s, words, colour) in enumerate(_marks(summary, record)):
        figure.add_vline(x=at_s, line_width=1, line_dash="dot", line_color=colour)
        # In four heights, so that neighbours stay legible.
        figure.add_annotation(
            x=at_s, y=1.03 + 0.015 * (number % 4), yref="paper", xref="x", showarrow=False,
            text=words, xanchor="left", font={"size": 11, "color": colour},
        )  # fmt: skip
    figure.update_xaxes(title_text="seconds from the start", row=len(ROWS), col=1)
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(type="log", rangemode="normal", row=3, col=1)
    figure.update_layout(
        height=220 * len(ROWS), template="plotly_white", hovermode="x unified", margin_t=150
    )
    return figure


def _marks(summary: Summary, record: Record) -> list[tuple[float, str, str]]:
    """Operations and faults, in the order of time: when, in words, in which colour."""
    operations = [
        (one.at_s, f"{one.words} ✗" if one.outcome.startswith("refused") else one.words, "#666")
        for one in summary.operations
    ]
    faults = [
        ((at_ns - record.begin_ns) / NS_PER_S, words, "#b30000") for at_ns, words in record.faults
    ]
    return sorted(operations + faults)


def _add_deployment(
    figure: go.Figure,
    place: Place,
    name: str,
    colour: str,
    times_s: list[float],
    bin_s: float,
    bins: list[Part],
) -> None:
    tallies = [part.by_place.get(place) for part in bins]
    served = [t.outcomes[OK] / bin_s if t is not None else 0 for t in tallies]
    live = [t.live if t is not None else 0 for t in tallies]
    figure.add_scatter(
        x=times_s, y=live, name=name, legendgroup=name, line_color=colour, stackgroup="live",
        groupnorm="percent", line_width=0.5, row=1, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=times_s, y=served, name=name, legendgroup=name, line_color=colour, stackgroup="served",
        line_width=0.5, showlegend=False, row=2, col=1,
    )  # fmt: skip
    for part, width in (0.5, 1), (0.99, 2.5):
        times_ms = [
            percentile_ms(sorted(t.took_ns), part) if t is not None else None for t in tallies
        ]
        _add(figure, 3, name, colour, times_s, times_ms, width)
    pending = [part.pending.get(place, 0) for part in bins]
    _add(figure, 4, name, colour, times_s, pending)


def _add(
    figure: go.Figure,
    row: int,
    name: str,
    colour: str,
    times_s: list[float],
    values: list[float | None] | list[float] | list[int],
    width: float = 1.5,
) -> None:
    figure.add_scatter(
        x=times_s, y=values, name=name, legendgroup=name, showlegend=False, mode="lines",
        line={"color": colour, "width": width}, row=row, col=1,
    )  # fmt: skip


def _errors(part: Part) -> int:
    return sum(
        count
        for tally in part.by_place.values()
        for why, count in tally.outcomes.items()
        if why != OK
    )
