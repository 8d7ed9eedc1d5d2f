"""examples/monitoring and docs/observability.md name the figures that there are, with the labels that they have."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector

from app.telemetry.exposition import Figures
from app.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "examples" / "monitoring"
KUBERNETES = ROOT / "examples" / "deploy" / "kubernetes" / "deployment.yaml"

ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
SET_BY_PROMETHEUS = {"job", "instance", "le"}


def exposed() -> dict[str, set[str]]:
    """The names of all series, and the labels of each."""
    ours = {
        f"{family.name}{ending}": {*family._labelnames}
        for family in Figures(Metrics()).collect()
        for ending in ENDINGS[family.type]
    }
    process = ProcessCollector(registry=CollectorRegistry()).collect()
    return ours | {f"{family.name}{ending}": set() for family in process for ending in ENDINGS[family.type]}


def expressions() -> list[str]:
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return shown + re.findall(r"^ +expr: (.*)$", (MONITORING / "alerts.yml").read_text(), re.MULTILINE)


@pytest.mark.parametrize("expression", expressions())
def test_each_figure_that_is_asked_for_is_there(expression: str) -> None:
    series = exposed()
    named = re.findall(r"\b(?:erpgraph|process)_\w+", expression)
    assert named or expression.startswith("up{")
    assert [name for name in named if name not in series] == []
    labels = {label for name in named for label in series[name]} | SET_BY_PROMETHEUS
    asked = set(re.findall(r'(\w+)=~?"', expression))
    for group in re.findall(r"by \(([^)]*)\)", expression):
        asked |= {*group.split(", ")}
    assert asked <= labels


def test_each_figure_is_told_and_no_other() -> None:
    page = (ROOT / "docs" / "observability.md").read_text().partition("\n## Metrics\n")[2]
    rows = re.findall(r"^\| (`[^|]*) \|([^|]*)\|", page.partition("\n## ")[0], re.MULTILINE)
    told = {
        f"erpgraph_{name}": {*re.findall(r"`(\w+)`", labels)}
        for names, labels in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    families = Figures(Metrics()).collect()
    assert told == {f"{each.name}{'_total' * (each.type == 'counter')}": {*each._labelnames} for each in families}


def test_codes_that_wake_somebody_are_those_of_errors() -> None:
    codes = re.findall(r'code="(\w+)"', " ".join(expressions()))
    told = (ROOT / "docs" / "errors.md").read_text()
    assert codes
    assert [code for code in codes if f"`{code}`" not in told] == []


def test_a_pod_shows_its_figures_where_prometheus_is_told_to_look() -> None:
    text = KUBERNETES.read_text()
    [port] = re.findall(r'ERPGRAPH_METRICS_PORT, value: "(\d+)"', text)
    assert re.findall(r'prometheus.io/port: "(\d+)"', text) == [port]
    assert re.findall(r"name: metrics, containerPort: (\d+)", text) == [port]
    assert "metrics" not in (KUBERNETES.parent / "service.yaml").read_text()


def test_each_alert_is_tried() -> None:
    """By ``promtool test rules``, which sees it fire; here, that none was left out, and each wakes whom it is to wake."""
    rules = re.findall(
        r"- alert: (\w+)\n.*?severity: (\w+)", (MONITORING / "alerts.yml").read_text(), re.DOTALL | re.MULTILINE
    )
    fires = re.findall(
        r"alertname: (\w+)\n +exp_alerts:\n +- exp_labels: \{[^}]*severity: (\w+)\}",
        (MONITORING / "alerts.test.yml").read_text(),
    )
    assert len(rules) > 10
    assert sorted(fires) == sorted(rules)


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool here")
@pytest.mark.parametrize(
    "check",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")],
)
def test_prometheus_takes_the_files(check: tuple[str, ...]) -> None:
    run = subprocess.run(["promtool", *check], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
