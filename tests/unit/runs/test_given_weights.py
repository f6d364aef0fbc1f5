"""Values of `--super-weights`: coordinates, files, standard input, and what is wrong with them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from swa.errors import InvalidArtifactError, UsageError
from swa.runs.inputs.given_weights import read_given
from tests.support.records import confirmation, detection, super_weight

FIRST, SECOND = "L11.mlp.down_proj[507,1229]", "L11.mlp.down_proj[1,2]"


def saved(*weights) -> Path:
    path = Path("detection.json")
    path.write_text(detection(list(weights) or None).model_dump_json(indent=2))
    return path


def test_coordinates():
    given = read_given([FIRST, "L11.mlp.down_proj[ 1 , 2 ]"])
    assert [str(one.coordinate) for one in given] == [FIRST, SECOND]
    assert [(one.model, one.record) for one in given] == [(None, None)] * 2


def test_a_detection_record(tmp_path):
    weights = [super_weight(), super_weight(1, 2, confirmation=confirmation(0.001, confirmed=False))]
    assert [one.record for one in read_given([str(saved(*weights))])] == weights
    assert {one.model for one in read_given(["detection.json"])} == {"fake/model"}


@pytest.mark.parametrize("without", [(), ("record",), ("record", "schema_version")])
def test_objects_need_not_say_what_they_are(without):
    for name, record in (("a.json", detection()), ("a.jsonl", super_weight())):
        data = {key: value for key, value in json.loads(record.model_dump_json()).items() if key not in without}
        Path(name).write_text(json.dumps(data))
        assert read_given([name])[0].record == super_weight()


@pytest.mark.parametrize(
    "line",
    [
        FIRST,
        f'"{FIRST}"',
        json.dumps({"coordinate": FIRST}),
        json.dumps({"coordinate": FIRST, "note": 1, "model": None}),
        json.dumps({"record": "CascadeResult", "coordinate": FIRST}),
    ],
)
def test_lines_of_coordinates(line):
    Path("a.jsonl").write_text(f"\n{line}\n\n{SECOND}")
    given = read_given(["a.jsonl"])
    assert [str(one.coordinate) for one in given] == [FIRST, SECOND]
    assert given[0].record is None


def test_an_object_may_name_its_model():
    Path("a.jsonl").write_text(json.dumps({"coordinate": FIRST, "model": "a/x"}))
    assert read_given(["a.jsonl"])[0].model == "a/x"


def test_the_order_is_that_of_the_command_line(stdin):
    stdin(f"{SECOND}\n".encode())
    Path("a.txt").write_text(f"{FIRST}\n")
    third = "L3.mlp.down_proj[0,0]"
    assert [str(one.coordinate) for one in read_given([third, "-", "a.txt"])] == [third, SECOND, FIRST]


@pytest.mark.parametrize("content", [f"{FIRST}\n", super_weight().model_dump_json(), detection().model_dump_json()])
def test_standard_input_holds_any_of_these(stdin, content):
    stdin(content.encode())
    assert [str(one.coordinate) for one in read_given(["-"])] == [FIRST]


def test_a_named_pipe_is_a_file(tmp_path):
    read_end, write_end = os.pipe()
    os.write(write_end, f"{FIRST}\n".encode())
    os.close(write_end)
    assert len(read_given([f"/dev/fd/{read_end}"])) == 1
    os.close(read_end)


def test_standard_input_can_be_read_once():
    with pytest.raises(UsageError, match="twice"):
        read_given(["-", FIRST, "-"])


@pytest.mark.parametrize("value", ["L11.mlp", "nothing.jsonl", "", "x" * 5000, "L11.mlp.down_proj[1]"])
def test_neither_file_nor_coordinate(value):
    with pytest.raises(UsageError, match="neither a file nor a coordinate"):
        read_given([value])


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", UsageError, "a.jsonl holds no super weights, it is empty"),
        (b" \n\n", UsageError, "it is empty"),
        (b"PK\0\3", UsageError, "a.jsonl is binary"),
        (b"\xff\n", UsageError, "a.jsonl:1: this is not UTF-8"),
        (f"{FIRST}\nL11.mlp.do".encode(), UsageError, "a.jsonl:2: 'L11.mlp.do' is not a coordinate"),
        (b"# a list\n", UsageError, "a.jsonl:1: '# a list' is not a coordinate"),
        (f'{FIRST}\n\n{{"coordinate": "L'.encode(), InvalidArtifactError, "a.jsonl:3: This is not JSON"),
        (b'{"foo": 1}\n', InvalidArtifactError, "a.jsonl:1: This is neither a detection record nor"),
        (b'{"record": "NeuronCard"}\n', InvalidArtifactError, "a.jsonl:1: This is neither"),
        (b'{"coordinate": 3}\n', InvalidArtifactError, "a.jsonl:1: This is neither"),
        (b'{"coordinate": "L1"}\n', UsageError, "a.jsonl:1: 'L1' is not a coordinate"),
        (b'{"record": "SuperWeight",\n "layer": 1}', InvalidArtifactError, "a.jsonl:1: This is no SuperWeight"),
        (b'{"record": "DetectionResult", "schema_version": 9}', InvalidArtifactError, "schema version 9"),
    ],
)
def test_files_that_cannot_be_used_name_the_line(content, error, says):
    Path("a.jsonl").write_bytes(content)
    with pytest.raises(error) as caught:
        read_given(["a.jsonl"])
    assert says in caught.value.message


def test_the_line_of_what_is_wrong_in_a_detection_record():
    text = saved().read_text()
    number = next(i for i, line in enumerate(text.split("\n"), start=1) if '"row": 507' in line)
    Path("detection.json").write_text(text.replace('"row": 507', '"row": "507"'))
    with pytest.raises(InvalidArtifactError, match=rf"detection\.json:{number}: .*row must be a whole number"):
        read_given(["detection.json"])


def test_a_torn_detection_record():
    path = saved()
    path.write_text(path.read_text()[:-20])
    with pytest.raises(InvalidArtifactError, match=r"detection\.json:1"):
        read_given([str(path)])


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        read_given(["folder"])
