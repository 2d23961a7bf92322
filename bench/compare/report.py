"""Tables for people, JSON and pages for later."""
import html
import json
import os
import subprocess

from measure import METRICS
from proc import Failure


def ratios(medians, columns):
    """Of each router to each other server: {"router / haproxy": {metric: ratio}}"""
    found = {}
    routers = [name for name in medians if name.startswith("router")]
    for ours in routers:
        for theirs in medians:
            if theirs == ours or (theirs in routers and routers.index(theirs) > routers.index(ours)):
                continue
            pair = {key: medians[ours][key] / medians[theirs][key] for key in columns
                    if METRICS[key][2] and medians[theirs].get(key)}
            found[f"{ours} / {theirs}"] = pair
    return found


def goals_of(mode, medians):
    """[text, reached]"""
    said = []
    ours = medians.get("router")
    for metric, reference, limit in mode.goals:
        if ours is None or (reference and reference not in medians) or metric not in ours:
            continue
        title, form, better = METRICS[metric]
        if reference:
            theirs = medians[reference][metric]
            if not theirs:
                continue
            value, sign = ours[metric] / theirs, "<=" if better == "down" else ">="
            text = f"{title} {sign} {limit:g} x {reference}: {value:.3f}"
        else:
            value, sign = ours[metric], "<="
            text = f"{title} <= {limit:g}: {form.format(value)}"
        said.append([text, value <= limit if sign == "<=" else value >= limit])
    return said


def to_text(result):
    lines = [f"{result['name']}: {result['about']}"]
    if result["medians"]:
        columns = result["columns"]
        lines.append("  " + " " * 18 + "".join(f"{METRICS[key][0]:>13}" for key in columns))
        for name, one in result["medians"].items():
            cells = "".join(f"{METRICS[key][1].format(one[key]) if key in one else '-':>13}" for key in columns)
            lines.append(f"  {name:18}{cells}")
        for pair, of in result["ratios"].items():
            cells = "".join(f"{'x%.3f' % of[key] if key in of else '':>13}" for key in columns)
            lines.append(f"  {pair:18}{cells}" if len(pair) <= 18 else f"  {pair}\n  {'':18}{cells}")
    lines += [f"  note: {note}" for note in result["notes"]]
    lines += [f"  goal {'reached' if reached else 'MISSED '}  {text}" for text, reached in result["goals"]]
    if result["partial"]:
        lines.append(f"  PARTIAL: {result['partial']}")
    return "\n".join(lines)


def write_whole(path, text):
    """All of it or nothing: a file that is there is whole."""
    is_plain = os.path.isfile(path) or not os.path.exists(path)
    partial = f"{path}.partial" if is_plain else path
    try:
        with open(partial, "w") as file:
            file.write(text)
            if is_plain:
                file.flush()
                os.fsync(file.fileno())
        if is_plain:
            os.replace(partial, path)
    except OSError as error:
        if is_plain and os.path.exists(partial):
            os.unlink(partial)
        raise Failure(f"cannot write {path}: {error.strerror}") from error


def write_json(path, facts, results):
    plain = [{key: value for key, value in one.items() if key != "records"} for one in results]
    write_whole(path, json.dumps({"tool": "bench/compare", "format": 1, **facts, "modes": plain}, indent=1) + "\n")


def write_pages(folder, stage, facts, results):
    """A page for each mode, the runs of the median rounds laid over each other, and index.html."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise Failure(f"cannot make {folder}: {error.strerror}") from error
    rows = []
    for result in results:
        files = []
        for name, record in result["records"].items():
            file = f"{stage.folder}/{result['name']}-{name.replace(':', '-')}.json"
            with open(file, "w") as out:
                json.dump(record, out)
            files.append(file)
        link = ""
        if files:
            page = f"{result['name']}.html"
            title = f"{result['name']}: {result['about']}"
            ran = subprocess.run([f"{stage.bin}/causeway-bench", "report", *files, "--html", f"{folder}/{page}",
                                  "--title", title], capture_output=True, text=True)
            if ran.returncode != 0:
                raise Failure(f"{folder}/{page}: {ran.stderr.strip()}")
            link = f'<p><a href="{page}">plots of the median rounds</a></p>'
        rows.append(f"<pre>{html.escape(to_text(result))}</pre>{link}")
    head = html.escape(f"{facts['machine']}; {facts['started']}; {facts['command']}")
    partial = f"<p><b>Partial: {html.escape(facts['partial'])}</b></p>" if facts["partial"] else ""
    write_whole(f"{folder}/index.html", f"""<!doctype html><html lang="en"><meta charset="utf-8">
<title>Router, haproxy, nginx and the floor</title>
<style>body {{ font: 15px/1.4 sans-serif; margin: 2em; max-width: 75em }} pre {{ overflow-x: auto }}</style>
<h1>Router, haproxy, nginx and the floor</h1><p>{head}</p>{partial}{''.join(rows)}</html>
""")
