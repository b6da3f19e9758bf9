"""Tables of results: the directive's parts; each one in the pages can be filled."""

import importlib.util
import json
import pathlib
import re

import pytest

from reproductions.engine import results

pytest.importorskip("sphinx")
parsing = pytest.importorskip("myst_parser.parsers.directives")

ROOT = pathlib.Path(__file__).parents[2]
BLOCK = re.compile(r"^```\{results\} (.*)\n((?:.*\n)*?)```$", re.MULTILINE)
RECORD = {
    "by_method": {
        "aim": {"modes": {"mean": 24.96, "sd": 0.25}, "seeds": 2, "all": [25, 24]},
        "gan": {"modes": {"mean": 17.7, "sd": None}, "kinds": {"Mul": 3, "Add": -2}},
        "ali": {"modes": None, "seeds": 1},
    },
    "list": [{"a, b.c": 1234.5}, {"a, b.c": -0.5}],
}


def load():
    path = ROOT / "docs" / "results_table.py"
    spec = importlib.util.spec_from_file_location("results_table", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


extension = load()


@pytest.fixture
def filled(tmp_path, monkeypatch):
    """Fills one line of a table from the record above, and from a second file."""
    (tmp_path / "one.json").write_text(json.dumps(RECORD))
    (tmp_path / "two.json").write_text(json.dumps({"by_method": {"gan": {"n": 7}}}))
    monkeypatch.setattr(extension, "FOLDER", tmp_path)

    def fill(line, rows="by_method/*", files="one.json", **options):
        lines = ["| head |", "|---|", line]
        made = extension.table(files.split(), lines, rows, **options)
        assert made[:2] == lines[:2]
        return made[2:]

    return fill


def test_rows_are_formatted_and_named(filled):
    line = "| {key} | {modes[mean]:.1f} ± {modes[sd]:.2f} | {seeds} |"
    assert filled(line, names="aim = AIM, gan = GAN") == [
        "| AIM | 25.0 ± 0.25 | 2 |",
        "| GAN | 17.7 | |",
        "| ali | | 1 |",
    ]


def test_a_table_s_own_names_come_before_those_of_methods(filled):
    methods = extension.of_methods()
    assert filled("| {key} |", names=methods) == ["| AIM |", "| GAN |", "| ALI |"]
    made = filled("| {key} |", names=f"{methods}, gan = a GAN")
    assert made == ["| AIM |", "| a GAN |", "| ALI |"]


def test_paths_choose_rows(filled):
    assert filled("| {key} |", "by_method/gan|aim") == ["| gan |", "| aim |"]
    line = "| {keys[0]}, {key}: {value:.1f} |"
    assert filled(line, "by_method/aim|gan/modes/mean|sd") == [
        "| aim, mean: 25.0 |",
        "| aim, sd: 0.2 |",
        "| gan, mean: 17.7 |",
        "| |",
    ]
    assert filled("| {key} {a, b.c:,.1f} |", "list/*") == [
        "| 0 1,234.5 |",
        "| 1 −0.5 |",
    ]


def test_lists_and_dictionaries_are_joined(filled):
    assert filled("| {all:.1f}, {all[1]} |", "by_method/aim") == ["| 25.0, 24.0, 24 |"]
    assert filled("| {kinds} |", "by_method/gan") == ["| Mul 3, Add −2 |"]
    assert filled("| {kinds:1} |", "by_method/gan") == ["| Mul 3 |"]


def test_a_list_of_numbers_has_a_mean_and_a_deviation(filled):
    line = "| {all[mean]:.1f} ± {all[deviation]:.2f} |"
    assert filled(line, "by_method/aim") == ["| 24.5 ± 0.71 |"]


def test_record_without_rows_and_two_files(filled):
    assert filled("| {by_method[aim][seeds]} |", "") == ["| 2 |"]
    made = filled(
        "| {key} | {one[modes][mean]} | {two[n]} |", files="one.json two.json"
    )
    assert made == ["| aim | 24.96 | |", "| gan | 17.7 | 7 |", "| ali | | |"]


def test_published_numbers_stand_beside(filled):
    line = "| {key} | {published[modes.captured][value]:g} |"
    choice = "paper=aim data=grid25 method={key}"
    assert filled(line, published=choice) == [
        "| aim | 25 |",
        "| gan | 3.3 |",
        "| ali | 15.84 |",
    ]
    with pytest.raises(ValueError, match="Several"):
        filled(line, published="paper=aim method={key}")


@pytest.mark.parametrize(
    "line, rows, match",
    [
        ("| {mode[mean]} |", "by_method/*", r"No row has \{mode\[mean\]\}"),
        ("| {modes[mean]} ± {modes[ds]} |", "by_method/*", "ds"),
        ("| {key} |", "by_methods/*", "no 'by_methods'"),
        ("| {key} |", "by_method/aim|wgan", "no 'wgan'"),
        ("| {key} { |", "by_method/*", "brace"),
        ("| {key:.2f} |", "by_method/*", None),
        ("| {key} |", "by_method/gan/kinds/Mul/*", None),
    ],
)
def test_what_is_not_there_is_an_error(filled, line, rows, match):
    with pytest.raises((ValueError, TypeError), match=match):
        filled(line, rows)


def test_unknown_file_and_no_rule_are_errors(filled):
    with pytest.raises(ValueError, match="There is no .*three.json"):
        filled("| {key} |", files="three.json")
    with pytest.raises(ValueError, match="head and a rule"):
        extension.table(["one.json"], ["| {key} |"])


def test_a_record_may_be_beside_the_pictures(filled, tmp_path, monkeypatch):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "three.json").write_text('{"n": 3}')
    monkeypatch.setattr(extension, "PICTURES", pictures)
    assert filled("| {n} |", "", "three.json", missing="Not run yet.") == ["| 3 |"]
    assert filled("| {key} |", "by_method/aim|gan") == ["| aim |", "| gan |"]


def test_a_record_may_be_announced(filled):
    lines = ["| head |", "|---|", "| {key} |"]
    made = extension.table(["three.json"], lines, "*", missing="Not run yet.")
    assert made == ["Not run yet."]
    assert filled("| {key} |", "by_method/aim|gan", missing="Not run yet.") == [
        "| aim |",
        "| gan |",
    ]


def directives():
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text()
        blocks = list(BLOCK.finditer(text))
        # None is missed by the pattern.
        assert len(blocks) == text.count("{results}"), page
        for block in blocks:
            line = text[: block.start()].count("\n") + 1
            yield pytest.param(*block.groups(), id=f"{page.relative_to(ROOT)}:{line}")


@pytest.mark.parametrize("files, content", directives())
def test_directive_of_page_is_filled(files, content):
    parsed = parsing.parse_directive_text(extension.Results, files, content)
    assert not parsed.warnings
    lines = extension.table(parsed.arguments[0].split(), parsed.body, **parsed.options)
    # As many cells as the head has.
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    assert len(set(bars)) == 1


def test_a_record_made_under_an_older_default_is_marked():
    (note,) = extension.notes(["svae_cifar10.json"])
    assert note.startswith("*Made under an older default: batch normalisation")
    assert len(extension.notes(["ijae_cifar10.json"])) == 2
    assert len(extension.notes(["aim_mnist.json"])) == 2
    assert extension.notes(["svae_toy.json", "ijae_figure1.json"]) == []
    both = extension.notes(["svae_cifar10.json", "svae_toy.json"])
    assert both[0].startswith("*Of svae_cifar10.json: made under")
    # A change of one measure is told beside a table that shows it.
    plane = ["ijae_plane_mnist.json"]
    told = extension.notes(plane, "| {decoder_probe[mean]} |")
    assert sum("decoder_probe did not move" in one for one in told) == 1
    assert len(extension.notes(plane, "| {mse[mean]} |")) == len(told) - 1


def test_what_is_listed_as_older_exists_and_is_older():
    for name, one in extension.changes().items():
        for record in one["records"]:
            made = json.loads((results.FOLDER / record).read_text())["date"]
            assert made < one["date"], (name, record)
    assert len(extension.listed()) == 2 + len(extension.changes())
    # The simultaneous ones are those that were made again.
    assert extension.notes(["aim_grid25_simultaneous.json"]) == []
