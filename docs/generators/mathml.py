"""Formulas as MathML, which browsers draw by themselves: pages need no script and no network."""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert

_OVERLINE = re.compile(r"<mover>(<mrow>.*?</mrow>)<mo accent=\"true\">&#x02015;</mo></mover>")


def mathml(formula: str, display: str) -> str:
    """A formula as MathML; a line over several letters is a border, which no font needs to stretch."""
    return _OVERLINE.sub(r'<mrow class="over">\1</mrow>', convert(formula, display=display))


def _inline(translator, node) -> None:
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def _block(translator, node) -> None:
    formula = mathml(node.astext(), "block")
    translator.body.append(f'<div class="formula">{formula}</div>')
    raise nodes.SkipNode


def setup(app) -> None:
    """Register MathML as the way HTML shows formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
