"""Templates: ours, the site's own, and broken ones. Moments and names in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.errors import PageError
from gocron.render.moment import iso, say_time
from gocron.render.templates import Templates
from gocron.render.wording import cut, shown


def test_a_moment_names_its_zone():
    assert say_time(1_795_442_405) == "2026-11-23 14:00:05 UTC"
    assert iso(1_795_442_405) == "2026-11-23T14:00:05Z"


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_number_that_a_column_holds_is_a_moment(at):
    assert len(iso(at)) == len("2026-11-23T14:00:05Z")
    assert len(say_time(at)) == len("2026-11-23 14:00:05 UTC")


@given(st.text(st.characters()))
def test_every_name_fits_on_a_line_and_can_be_sent(name):
    assert len(shown(name).splitlines()) == 1
    assert shown(name).encode()
    assert len(cut(shown(name), 20)) <= 20


def test_an_ordinary_name_stays_as_it_is():
    for name in ("backup", "sauvegarde d'été", "バックアップ", "نسخ احتياطي", "👩‍🚀"):
        assert shown(name) == name


def test_a_template_of_the_site_wins(tmp_path):
    (tmp_path / "alert.html.j2").write_text("<p>{{ name }}</p>")
    assert Templates(str(tmp_path)).html("alert", name="<b>") == "<p>&lt;b&gt;</p>"


def test_a_template_of_the_site_can_build_on_ours(tmp_path):
    (tmp_path / "layout.html.j2").write_text(
        '{% extends "ours/layout.html.j2" %}{% block content %}theirs{% endblock %}'
    )
    said = Templates(str(tmp_path)).html(
        "layout",
        root="",
        any_missing=False,
        refresh_s=60,
        interval_s=60,
        stale_intervals=3,
        version="1",
    )
    assert "theirs" in said
    assert "<!doctype html>" in said


def test_text_is_not_escaped(tmp_path):
    (tmp_path / "alert.txt.j2").write_text("{{ name }}")
    assert Templates(str(tmp_path)).text("alert", name="<b>") == "<b>"


def test_an_asset_of_the_site_wins_and_a_missing_folder_is_no_problem(tmp_path):
    (tmp_path / "style.css").write_bytes(b"theirs")
    assert Templates(str(tmp_path)).asset("style.css") == b"theirs"
    assert b"gocronAge" in Templates(str(tmp_path / "none")).asset("page.js")


def test_an_asset_that_does_not_exist_is_named():
    with pytest.raises(PageError, match="none\\.css"):
        Templates().asset("none.css")


@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        ("one\n{% if %}", 2, "Expected an expression"),
        ("one\n\n{{ nothing }}", 3, "'nothing' is undefined"),
        ("{{ 1 / 0 }}", 1, "division by zero"),
        ('one\n{% include "none.html.j2" %}', 2, "none.html.j2"),
        ('one\n{% include "other.html.j2" %}', 2, "'x' is undefined"),
    ],
)
def test_a_broken_template_is_named_with_its_line(tmp_path, source, line, problem):
    (tmp_path / "alert.html.j2").write_text(source)
    (tmp_path / "other.html.j2").write_text("\n{{ x }}")
    with pytest.raises(PageError) as caught:
        Templates(str(tmp_path)).html("alert")
    assert str(tmp_path) in caught.value.where
    assert caught.value.where.endswith(f".html.j2:{line}")
    assert problem in caught.value.what


def test_a_template_that_is_no_text_is_named(tmp_path):
    (tmp_path / "alert.html.j2").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(PageError, match=r"alert\.html\.j2"):
        Templates(str(tmp_path)).html("alert")
