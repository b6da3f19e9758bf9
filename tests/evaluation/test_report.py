"""A report shows what was measured, what was not, and what one must know."""

import html.parser

import pytest

from keras_svae.evaluation import Measurement, Report


class Cells(html.parser.HTMLParser):
    """The text of each cell, and the tags."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.tags, self.open = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.cells[-1] += data


@pytest.fixture
def report():
    return Report(
        {
            "mse": Measurement(0.25, "MSE", n=30),
            "own.part": Measurement(7.0, "own", 0.5, net="<script>alert(1)</script>"),
        },
        left_out={"ssim": "it needs images of 11 x 11 & more"},
        failed={"psnr": "ValueError: <b>no</b>\n  node"},
        notes=["30 samples < 31"],
    )


def test_a_notebook_s_table_has_all_of_it_escaped(report):
    text = report._repr_html_()
    found = Cells(text)
    assert not {"script", "b"} & set(found.tags)
    assert found.cells[:9] == [
        *("measure", "value", "it depends on"),
        *("mse", "0.25", "n=30"),
        *("own.part", "7 +- 0.5", "net=<script>alert(1)</script>"),
    ]
    assert found.cells[9:] == [
        *("failed", "error", "psnr", "ValueError: <b>no</b>"),
        *("left out", "why", "ssim", "it needs images of 11 x 11 & more"),
    ]
    assert "30 samples &lt; 31" in text


def test_an_empty_report_is_a_table_too():
    found = Cells(Report()._repr_html_())
    assert found.cells == ["measure", "value", "it depends on"]
    assert str(Report()) == ""


def test_printed_it_has_all_of_it(report):
    assert repr(report) == str(report)
    assert str(report).splitlines() == [
        "MSE  0.25 (n=30)",
        "own  7 +- 0.5 (net=<script>alert(1)</script>)",
        "note: 30 samples < 31",
        "left out: ssim: it needs images of 11 x 11 & more",
        "failed: psnr: ValueError: <b>no</b>",
    ]


def test_a_measure_that_is_not_there_says_why(report):
    with pytest.raises(KeyError, match="'ssim'; it is not measured: it needs images"):
        report["ssim"]
    with pytest.raises(KeyError, match="'ssim.mean'; it is not measured"):
        report["ssim.mean"]
    with pytest.raises(KeyError, match="'psnr'; it is not measured: ValueError"):
        report["psnr"]
    with pytest.raises(KeyError, match=r"among \['mse', 'own.part'\]; received: 'm'"):
        report["m"]
    assert report.get("ssim") is None and "ssim" not in report
