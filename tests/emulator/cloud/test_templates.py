"""The templates of webhooks: what a tag gives, and what a section does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.cloud.templates import MAX_DEPTH, Budget, TemplateError, names, render

VALUES = {
    "a": "x",
    "n": 7,
    "h": "<&>",
    "o": {"p": {"q": [1, {"r": "deep"}]}},
    "list": [{"v": 1}, {"v": 2}],
    "no": False,
    "empty": [],
    "t": True,
    "blank": "",
    "umlauts": ["ü"],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{{a}} {{ n }}", "x 7"),
        ("{{h}} {{{h}}} {{&h}}", "&lt;&amp;&gt; <&> <&>"),
        ("{{o.p.q.0}} {{o.p.q.1.r}} {{o.p.q.9}}|{{o.x.y}}|{{nothing}}", "1 deep ||"),
        ("{{{o.p}}}", '{"q":[1,{"r":"deep"}]}'),
        ("{{#list}}{{v}}{{a}},{{/list}}", "1x,2x,"),
        ("{{#no}}never{{/no}}{{^no}}always{{/no}}", "always"),
        ("{{#empty}}never{{/empty}}{{^empty}}none{{/empty}}", "none"),
        ("{{#t}}yes{{/t}}{{^t}}no{{/t}}", "yes"),
        ("{{#o}}{{#p}}{{q.0}}{{/p}}{{/o}}", "1"),
        ("{{#list}}{{#list}}{{v}}{{/list}}{{/list}}", "1212"),
        ("{{! a comment }}x", "x"),
        ("{{#o.p.q}}[{{.}}]{{/o.p.q}}", "[1][{&quot;r&quot;:&quot;deep&quot;}]"),
        ("{{#t}}unclosed", "unclosed"),
        ("{{^a}}never{{/a}}{{^blank}}none{{/blank}}{{^nothing}}none{{/nothing}}", "nonenone"),
        ("{{#t}}{{^no}}{{#no}}x{{/no}}{{^no}}y{{/no}}{{/no}}{{/t}}z", "yz"),
        ("{{#t}}{{a}}{{#t}}{{a}}{{#t}}{{a}}{{/t}}{{/t}}{{/t}}{{n}}", "xxx7"),
        ("{{#list}}{{^no}}{{v}}{{a}}{{/no}}{{/list}}", "1x2x"),
        ("{{a.0}}|{{o.p.q.2}}|{{o.p.q.-1}}|{{o.p.q.r}}|{{n.0}}|{{o.p.q.²}}", "|||||"),
        ("{{{umlauts}}}", '["ü"]'),
        ("{{#list}}{{#list}}{{v}}{{/list}}{{/list}}!", "1212!"),
        ("{{#list}}{{#list}}{{v}}{{/list}},{{/list}}!", "12,12,!"),
        ("{{#list}}{{^list}}x{{/list}}{{v}}{{/list}}!", "12!"),
        ("{{#list}}{{a}}{{#t}}{{v}}{{/t}}{{/list}}!", "x1x2!"),
        ("{{#list}}{{!list}}{{v}}{{/list}}{{#list}}{{v}}{{/list}}!", "1212!"),
        ("{{a", "{{a"),
        ("{{t}} {{no}}", "true false"),
        ("a{{}}b{{{ }}}c", "abc"),
    ],
)
def test_templates(template, text):
    assert render(template, VALUES) == text


@given(st.text(st.sampled_from("{}#^/&. alno"), max_size=60))
def test_no_template_breaks(template):
    assert isinstance(render(template, VALUES), str)


@pytest.mark.parametrize(("opening", "closing"), [("{{#t}}", "{{/t}}"), ("{{^no}}", "{{/no}}")])
def test_sections_are_nested_sixteen_deep(opening, closing):
    assert render(opening * MAX_DEPTH + "x" + closing * MAX_DEPTH, VALUES) == "x"
    deeper = MAX_DEPTH + 1
    assert render(opening * deeper + "x" + closing * deeper, VALUES) == ""
    assert MAX_DEPTH == 16


@pytest.mark.parametrize(
    "template",
    [
        "{{" * 200_000,
        "{{" + " " * 1_000_000,
        "{{{" + "a" * 500_000,
        "{{#a}}" * 90_000,
        "{{a" * 300_000,
        "}}" * 300_000,
        "{{a." + "9" * 900_000 + "}}",
    ],
    ids=["opened", "blank", "long", "nested", "cut off", "closed", "digits"],
)
def test_no_template_takes_longer_than_its_length_says(template):
    """Each is done in well under a second; what tries all ways to read it would take hours."""
    render(template, VALUES)
    names(template)


@pytest.mark.parametrize("template", ["{{a}}" * 60_000, "{{/a}}" * 110_000, "{{#a}}" * 400 + "{{/b}}" * 300, "{{" + "a." * 110_000 + "}}"])
def test_taking_a_template_apart_costs_steps_too(template):
    with pytest.raises(TemplateError, match="more than 100,000 steps"):
        render(template, VALUES)


def test_a_budget_is_for_all_that_it_is_given_to():
    budget = Budget(max_steps=10, max_size=5)
    assert render("{{a}}{{a}}", VALUES, budget) == "xx"
    with pytest.raises(TemplateError, match="more than 5 characters"):
        render("abcd", VALUES, budget)
    with pytest.raises(TemplateError, match="more than 10 steps"):
        render("{{a}}" * 9, VALUES, Budget(max_steps=10))


def test_what_is_escaped_counts_as_it_comes_out():
    assert render("{{q}}", {"q": '"' * 1000}, Budget(max_size=6000)) == "&quot;" * 1000
    with pytest.raises(TemplateError):
        render("{{q}}", {"q": '"' * 1001}, Budget(max_size=6000))


BRACES = ["{{", "}}", "{{{", "}}}", "{", "}"]
INSIDE = ["#", "^", "/", "!", "&", ".", " ", "a", "list", "o", "o.p.q", "v", "no", "x", "0", "9" * 30]
PIECES = [*BRACES, *INSIDE]
TAGS = ["{{#list}}", "{{/list}}", "{{^no}}", "{{/no}}", "{{#o.p.q}}", "{{/o.p.q}}", "{{.}}", "{{{o}}}", "{{h}}", "{{#t}}", "{{/t}}", "x"]
TEMPLATES = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.lists(st.sampled_from(TAGS), max_size=60).map("".join)


def stays_within_its_budget(template):
    budget = Budget(max_steps=2_000, max_size=5_000)
    try:
        assert len(render(template, VALUES, budget)) <= 5_000
    except TemplateError:
        pass
    names(template)


@given(TEMPLATES)
def test_no_template_costs_more_than_its_budget(template):
    stays_within_its_budget(template)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None)
@given(TEMPLATES | st.text())
def test_no_template_costs_more_than_its_budget_in_full(template):
    stays_within_its_budget(template)
