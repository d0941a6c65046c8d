"""README.txt of a verdict's folder, in both languages."""

from __future__ import annotations

from collections.abc import Sequence

from netmon.model import Verdict
from netmon.targets.definitions import AnyTarget
from netmon.targets.windows import iso
from netmon.targets.words import Language

_VI = """\
{title}
Chứng cứ của kết luận {id}

Căn cứ: {basis}
Khoảng thời gian: {start} đến {end}

Thư mục này chứa những gì kết luận dựa vào, để bất kỳ ai có Python đều tính lại được mà không cần netmon:
  verdict.json   kết luận đúng như đã nêu, kèm các tham số của chỉ tiêu
{files}  recompute.py   chương trình ngắn tính lại con số, chỉ dùng thư viện chuẩn của Python; đọc trước rồi hãy chạy
  audit.py       chương trình kỹ hơn: cả độ phủ, kết luận và ngưỡng; các quy tắc ở các tệp audit_*.py
  SHA256SUMS     mã băm của mọi tệp khác

Kiểm tra các tệp còn nguyên vẹn:   sha256sum -c SHA256SUMS
Tính lại:                          python3 recompute.py .

Chương trình in từng con số: đã nêu, tính lại, có khớp không; mã thoát là 1 nếu có điều gì không khớp. Mã băm chỉ cho biết
thư mục chưa thay đổi từ khi được ghi, không cho biết ai đã ghi.
Mốc thời gian là giây Unix (UTC), bên cạnh là giờ Việt Nam (UTC+7). Tốc độ và dung lượng là byte trên giây: 200 Mbit/s là
25000000. Ô trống là không có số đo. Dấu nháy đơn ở đầu ô chữ ngăn bảng tính hiểu ô đó là công thức.
"""

_EN = """\
{title}
Evidence of the verdict {id}

Basis: {basis}
Window: {start} to {end}

This folder holds what the verdict rests on, so that anybody with Python can recompute it without netmon:
  verdict.json   the verdict just as it was stated, and the parameters of its target
{files}  recompute.py   recomputes the figures with Python's standard library alone; short, read it before you run it
  audit.py       the same in depth: coverage, standing and limit too; its rules are in audit_*.py
  SHA256SUMS     the hashes of all other files

Check that the files are whole:    sha256sum -c SHA256SUMS
Recompute:                         python3 recompute.py .

It prints each figure: as stated, as recomputed, whether they agree; the exit code is 1 when anything does not. The hashes
only tell that the folder has not changed since it was written, not who wrote it.
Instants are Unix seconds (UTC), and beside them the time of Viet Nam (UTC+7). Rates and capacities are bytes per second:
200 Mbit/s is 25000000. An empty cell was not measured. An apostrophe that begins a text cell keeps spreadsheets from
taking it for a formula.
"""

_FILES = {
    "absences.csv": ("khi netmon không chạy nên không thấy gì", "when netmon did not run, and saw nothing"),
    "capacities.csv": ("dung lượng theo hợp đồng, từ khi nào", "contracted capacities, and from when"),
    "cells.csv": ("trạng thái từng cell do nhà mạng báo", "the states of each cell, as its operator tells"),
    "echoes.csv": ("thời gian khứ hồi của từng khe 5 phút", "round trips in each slot of 5 minutes"),
    "links.csv": ("các kết nối của điểm này", "the links of the site"),
    "outages.csv": ("các lần mất dịch vụ", "the outages"),
    "parts.csv": ("các thành phần; mỗi thành phần có thư mục riêng", "the parts; each has a folder of its own"),
    "peaks.csv": ("phân vị 95 của từng ngày, cơ sở của xu hướng", "95th percentiles of days, of which the trend is made"),
    "ports.csv": ("tốc độ của các cổng", "the speeds of the ports"),
    "slots.csv": ("tốc độ trong từng khe 5 phút ở hai đầu kết nối", "rates in each slot of 5 minutes at both ends"),
    "speed_tests.csv": ("các phép đo tốc độ, chỉ để đối chiếu", "speed tests, for comparison only"),
    "states.csv": ("trạng thái theo thời gian", "states over time"),
    "summaries.csv": ("thấp nhất, trung bình, cao nhất của từng giờ, từng ngày", "least, mean and most of hours and days"),
}


def readme(verdict: Verdict, target: AnyTarget, names: Sequence[str], language: Language) -> str:
    """What the folder is and how to recompute it, in `language` first and in the other below."""
    facts = {"id": verdict.id, "basis": target.basis, "start": iso(verdict.window.start), "end": iso(verdict.window.end)}
    vi = _VI.format(title=target.title_vi, files=_listed(names, 0), **facts)
    en = _EN.format(title=target.title_en, files=_listed(names, 1), **facts)
    return f"\n{'-' * 72}\n\n".join((vi, en) if language == "vi" else (en, vi))


def _listed(names: Sequence[str], column: int) -> str:
    return "".join(f"  {name:14} {_FILES[name][column]}\n" for name in names if name in _FILES)
