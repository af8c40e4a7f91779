"""Annotations written here in every encoding and form, and damaged ones."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleartract.errors import RecordingError
from cleartract.recordings.annotation_finder import annotation_for, companion_annotation
from cleartract.recordings.annotation_reader import read_annotation
from cleartract.recordings.annotations import Interval, Tier, words_and_phones

pytest.importorskip("praatio")
pympi = pytest.importorskip("pympi")

TIERS = {
    "words": [(0.0, 0.2, ""), (0.2, 0.55, "été"), (0.55, 0.9, 'a "q" [1]:'), (0.9, 1.5, " ")],
    "phones": [(0.0, 0.2, ""), (0.2, 0.3, "e"), (0.3, 0.42, "t"), (0.42, 0.55, "e"),
               (0.55, 0.9, "ʃ"), (0.9, 1.5, "")],
}  # fmt: skip
POINTS = [(0.25, 'burst "k"'), (0.6, "item [2]: ! x = 3")]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def long_form(tiers=TIERS, points=POINTS) -> str:
    end = 1.5
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ",
             f"xmax = {end} ", "tiers? <exists> ", f"size = {len(tiers) + 1} ", "item []: "]  # fmt: skip
    for number, (name, entries) in enumerate(tiers.items(), 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ',
                  f"        name = {quoted(name)} ", "        xmin = 0 ", f"        xmax = {end} ",
                  f"        intervals: size = {len(entries)} "]  # fmt: skip
        for index, (first, last, label) in enumerate(entries, 1):
            lines += [f"        intervals [{index}]:", f"            xmin = {first} ",
                      f"            xmax = {last} ", f"            text = {quoted(label)} "]  # fmt: skip
    lines += [f"    item [{len(tiers) + 1}]:", '        class = "TextTier" ',
              '        name = "events" ', "        xmin = 0 ", f"        xmax = {end} ",
              f"        points: size = {len(points)} "]  # fmt: skip
    for index, (time, label) in enumerate(points, 1):
        lines += [f"        points [{index}]:", f"            number = {time} ",
                  f"            mark = {quoted(label)} "]  # fmt: skip
    return "\n".join([*lines, ""])


def short_form(tiers=TIERS, points=POINTS) -> str:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "1.5", "<exists>",
             str(len(tiers) + 1)]  # fmt: skip
    for name, entries in tiers.items():
        lines += ['"IntervalTier"', quoted(name), "0", "1.5", str(len(entries))]
        lines += [f"{first}\n{last}\n{quoted(label)}" for first, last, label in entries]
    lines += ['"TextTier"', '"events"', "0", "1.5", str(len(points))]
    lines += [f"{time}\n{quoted(label)}" for time, label in points]
    return "\n".join([*lines, ""])


def stored(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("form", [long_form, short_form])
def test_every_form_and_encoding_gives_the_same_tiers(tmp_path, form, encoding, end):
    path = stored(tmp_path / "a.TextGrid", form().replace("\n", end), encoding)
    found = read_annotation(path)
    assert [tier.name for tier in found.tiers] == ["words", "phones", "events"]
    assert found.words.intervals == (
        Interval(0.2, 0.55, "été"), Interval(0.55, 0.9, 'a "q" [1]:')
    )  # fmt: skip
    assert [one.label for one in found.phones.intervals] == list("eteʃ")
    assert found.tiers[2].points
    assert [(one.start, one.end, one.label) for one in found.tiers[2].intervals] == [
        (time, time, label) for time, label in POINTS
    ]


def test_old_files_in_latin_1(tmp_path):
    text = long_form().replace("ʃ", "S")
    assert read_annotation(stored(tmp_path / "a.textgrid", text, "latin-1")).words.intervals[
        0
    ] == Interval(0.2, 0.55, "été")


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)


@given(st.lists(NAMES.filter(lambda x: x not in ("IntervalTier", "TextTier")), max_size=6))
def test_labels_of_any_text_come_back_from_both_forms(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("any")
    tiers = {"a": [(i / 8, (i + 1) / 8, label) for i, label in enumerate(labels)]}
    found = [
        read_annotation(stored(folder / f"{number}.TextGrid", form(tiers, []), "utf-16")).tiers
        for number, form in enumerate((long_form, short_form))
    ]
    assert found[0] == found[1]
    wanted = [" ".join(label.split()) for label in labels]
    assert [one.label for one in found[0][0].intervals] == [label for label in wanted if label]


@pytest.mark.parametrize("form", [long_form, short_form])
def test_signs_and_exponents_count(tmp_path, form):
    tiers = {"words": [(-0.25, "1e-05", "a"), ("1e-05", 0.5, "b")]}
    found = read_annotation(stored(tmp_path / "a.TextGrid", form(tiers, []))).words
    assert found.intervals == (Interval(-0.25, 1e-5, "a"), Interval(1e-5, 0.5, "b"))


def test_frames_at_a_boundary_have_the_label_that_begins_there():
    tier = Tier("words", (Interval(0.1, 0.3, "a"), Interval(0.3, 0.5, "b"), Interval(0.7, 1, "c")))
    below = math.nextafter(0.3, 0)
    times = np.array([0, 0.0999, 0.1, 0.2999, below, 0.3, 0.4999, 0.5, 0.69, 0.7, 1.0, 2.0])
    assert tier.labels_at(times) == ["", "", "a", "a", "b", "b", "b", "", "", "c", "", ""]
    assert Tier("none", ()).labels_at(times) == [""] * len(times)


@given(st.integers(1, 200), st.sampled_from([25, 50, 55, 65040 / 781, 125000 / 1501]))
def test_every_frame_has_the_label_an_obvious_search_finds(count, rate):
    rng = np.random.default_rng(count)
    edges = np.round(np.sort(rng.uniform(0, 3, 9)), 3)
    intervals = [
        Interval(a, b, str(a)) for a, b in zip(edges[:-1], edges[1:], strict=True) if a < b
    ]
    times = (np.arange(count) + 0.5) / rate
    slow = [
        next((i.label for i in intervals if i.start <= t + 1e-6 < i.end), "") for t in times
    ]  # fmt: skip
    assert Tier("t", tuple(intervals)).labels_at(times) == slow


def tier(name: str, count: int, seconds: float = 0.1, label: str = "x", points=False) -> Tier:
    spans = [Interval(i * seconds, (i + 1) * seconds, label) for i in range(count)]
    return Tier(name, tuple(spans), points)


@pytest.mark.parametrize(
    ("tiers", "words", "phones"),
    [
        ([tier("MAU", 9), tier("KAN-MAU", 3), tier("ORT-MAU", 3)], "ORT-MAU", "MAU"),
        ([tier("SentenceTier", 1), tier("WordTier", 3), tier("PhonTier", 9)], "WordTier", "PhonTier"),
        ([tier("anna - words", 3), tier("anna - phones", 9)], "anna - words", "anna - phones"),
        ([tier("phone@A", 9), tier("word@A", 3)], "word@A", "phone@A"),
        ([tier("t1", 3), tier("t2", 9)], "t1", "t2"),
        ([tier("t1", 9), tier("t2", 3)], "t2", "t1"),
        ([tier("t1", 3), tier("t2", 3)], "t1", "t2"),
        ([tier("t1", 3, label="a b"), tier("t2", 9), tier("t3", 4)], "t3", "t2"),
        ([tier("words", 3), tier("t2", 9)], "words", "t2"),
        ([tier("phones", 9), tier("syllables", 5), tier("t3", 3)], "t3", "phones"),
        ([tier("t1", 5, 0.4)], "t1", None),
        ([tier("t1", 5, 0.08)], None, "t1"),
        ([tier("words", 3, points=True), tier("sentences", 3), tier("phones", 0)], None, None),
        ([], None, None),
    ],
)  # fmt: skip
def test_words_and_phones_are_told_by_name_then_by_density(tiers, words, phones):
    found = words_and_phones(tuple(tiers))
    assert [None if one is None else one.name for one in found] == [words, phones]


EAF = """<?xml version="1.0" encoding="{encoding}"?>{dtd}
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00+01:00" FORMAT="3.0" VERSION="3.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="200"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
<TIME_SLOT TIME_SLOT_ID="ts3"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="500"/></TIME_ORDER>
<TIER TIER_ID="word" LINGUISTIC_TYPE_REF="t"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1"
 TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts4"><ANNOTATION_VALUE>{word}</ANNOTATION_VALUE>
</ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="phone" PARENT_REF="word" LINGUISTIC_TYPE_REF="s">{phones}</TIER>
<TIER TIER_ID="gloss" PARENT_REF="phone" LINGUISTIC_TYPE_REF="s">{glosses}</TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="t" TIME_ALIGNABLE="true"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="s" TIME_ALIGNABLE="true" CONSTRAINTS="Time_Subdivision"/>
</ANNOTATION_DOCUMENT>
"""


def aligned(name, first, last, label):
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" TIME_SLOT_REF1="{first}" '
        f'TIME_SLOT_REF2="{last}"><ANNOTATION_VALUE>{label}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def referring(name, parent, label):
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{name}" ANNOTATION_REF="{parent}">'
        f"<ANNOTATION_VALUE>{label}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )


PHONES = aligned("a2", "ts1", "ts2", "e") + aligned("a3", "ts2", "ts3", "") + aligned(
    "a4", "ts3", "ts4", "é")  # fmt: skip
GLOSSES = referring("a5", "a4", "open") + referring("a6", "a4", "close")


def eaf(encoding="utf-8", dtd="", word="été", phones=PHONES, glosses=GLOSSES) -> str:
    return EAF.format(encoding=encoding, dtd=dtd, word=word, phones=phones, glosses=glosses)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_annotations_without_times_share_those_of_their_parent(tmp_path, encoding):
    found = read_annotation(stored(tmp_path / "a.eaf", eaf(encoding), encoding))
    assert found.words.intervals == (Interval(0.2, 0.5, "été"),)
    assert found.phones.intervals == (Interval(0.2, 0.3, "e"), Interval(0.4, 0.5, "é"))
    assert found.tiers[2].intervals == (Interval(0.4, 0.45, "open"), Interval(0.45, 0.5, "close"))


def test_what_the_library_writes_is_read(tmp_path):
    written = pympi.Eaf()
    for name, spans in {
        "words": [(0, 400, "da")],
        "phones": [(0, 150, "d"), (150, 400, "a")],
    }.items():
        written.add_tier(name)
        for span in spans:
            written.add_annotation(name, *span)
    written.to_file(str(tmp_path / "a.EAF"))
    found = read_annotation(tmp_path / "a.EAF")
    assert found.spoken_at(np.array([0.0, 0.15, 0.3999, 0.4])) == {
        "word": ["da", "da", "da", ""], "phone": ["d", "a", "a", ""]
    }  # fmt: skip


LAUGHS = "<!DOCTYPE x [" + '<!ENTITY a0 "ha">' + "".join(
    f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10)) + "]>"  # fmt: skip
OUTSIDE = '<!DOCTYPE x [<!ENTITY out SYSTEM "secret.txt">]>'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("laughs.eaf", eaf(dtd=LAUGHS, word="&a9;")),
        ("outside.eaf", eaf(dtd=OUTSIDE, word="&out;")),
        ("remote.eaf", eaf(dtd='<!DOCTYPE x SYSTEM "secret.txt">')),
        ("empty.eaf", ""),
        ("cut.eaf", eaf()[:900]),
        ("other.eaf", "<a><b/></a>"),
        ("ring.eaf", eaf(phones=referring("a2", "a5", "x"), glosses=referring("a5", "a2", "y"))),
        ("orphan.eaf", eaf(glosses=referring("a5", "a99", "y"))),
        ("slot.eaf", eaf(phones=aligned("a2", "ts1", "ts9", "x"))),
        ("timeless.eaf", eaf(phones=aligned("a2", "ts2", "ts3", "x"))),
        ("backwards.eaf", eaf(phones=aligned("a2", "ts4", "ts1", "x"))),
        ("empty.TextGrid", ""),
        ("other.TextGrid", "once upon a time"),
        ("noise.TextGrid", "\x07\x00\x99" * 300),
        ("nan.TextGrid", short_form().replace("0.55", "1e999")),
        ("backwards.TextGrid", short_form().replace("\n0.2\n0.3\n", "\n0.3\n0.2\n")),
        ("count.TextGrid", short_form().replace("<exists>\n3", "<exists>\n4")),
        *[(f"cut{n}.TextGrid", long_form()[:n]) for n in range(40, len(long_form()) - 60, 97)],
        *[(f"cut{n}s.TextGrid", short_form()[:n]) for n in range(40, len(short_form()) - 20, 23)],
    ],
)  # fmt: skip
def test_damage_is_one_line_and_a_warning_where_it_was_found(tmp_path, name, content):
    (tmp_path / "secret.txt").write_text("secret")
    path = stored(tmp_path / name, content)
    with pytest.raises(RecordingError, match=f"{name}: not a readable") as caught:
        annotation_for([], path)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    found, warning = annotation_for([path.with_suffix(".mp4")])
    assert found is None
    assert name in warning
    assert "left out" in warning


def test_what_is_no_annotation_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"a\.eaf: no such annotation file"):
        read_annotation(tmp_path / "a.eaf")
    with pytest.raises(RecordingError, match="unknown kind of annotation"):
        read_annotation(stored(tmp_path / "a.txt", long_form()))
    with open(tmp_path / "b.TextGrid", "wb") as file:
        file.truncate(1 << 26)
    with pytest.raises(RecordingError, match="larger than"):
        read_annotation(tmp_path / "b.TextGrid")


@pytest.mark.parametrize(("name", "library"), [("a.TextGrid", "praatio"), ("a.eaf", "pympi")])
def test_a_missing_library_names_the_extra(tmp_path, monkeypatch, name, library):
    import sys

    for module in [m for m in sys.modules if m.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    stored(tmp_path / name, eaf() if name.endswith("eaf") else long_form())
    found, warning = annotation_for([tmp_path / "a.mp4"])
    assert found is None
    assert "pip install 'cleartract[formats]'" in warning


@pytest.mark.parametrize(
    ("recording", "annotation"),
    [
        ("a.mp4", "a.TextGrid"),
        ("A.nii.gz", "a.TEXTGRID"),
        ("a_cleartract.mp4", "a.eaf"),
        ("vol_3_7.avi", "vol_3_7.textgrid"),
        ("frames/", "frames.Eaf"),
        ("frames/", "frames/only.TextGrid"),
        ("P1/DCM_2D/S3/", "P1/OTHER/S3/TEXT_ALIGNMENT_P1_S3.textgrid"),
        ("anna/S4/1.dcm", "anna/S4/anna_S4_DENOISED.textgrid"),
        ("anna/S4/", "anna/S4/x_adjusted.textgrid"),
        ("anna/S4/NPY_MR/", "anna/S4/x_original.textgrid"),
    ],
)
def test_annotations_are_found_where_labs_put_them(tmp_path, recording, annotation):
    path, wanted = tmp_path / recording, tmp_path / annotation
    (path if recording.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    assert companion_annotation(path) is None
    wanted.write_text("")
    (path.parent / "unrelated.TextGrid").write_text("")
    assert companion_annotation(path) == wanted


def test_the_best_version_is_taken(tmp_path):
    folder = tmp_path / "anna" / "S4"
    folder.mkdir(parents=True)
    for version in ("original", "mocap", "DENOISED"):
        (folder / f"x_{version}.textgrid").write_text("")
    assert companion_annotation(folder / "1.dcm").name == "x_DENOISED.textgrid"
    assert companion_annotation(folder).name == "x_DENOISED.textgrid"
    (folder / "1.eaf").write_text("")
    assert companion_annotation(folder / "1.dcm").name == "1.eaf"


def test_the_first_recording_that_has_one_lends_it(tmp_path):
    stored(tmp_path / "b.TextGrid", short_form())
    stored(tmp_path / "c.TextGrid", short_form())
    recordings = [tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4")]
    assert annotation_for(recordings)[0].path.name == "b.TextGrid"
    assert annotation_for(recordings, tmp_path / "c.TextGrid")[0].path.name == "c.TextGrid"
    assert annotation_for(recordings[:1]) == (None, None)
