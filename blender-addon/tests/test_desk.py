# SPDX-License-Identifier: GPL-2.0-or-later
"""The panel's knowledge of the bridge, turned by hand."""

import stat
import sys
import time

import pytest
from fake_bridge import JOB, TOKEN, golden, job_summary

from p2p_render import messages
from p2p_render.bridge_process import BridgePlace
from p2p_render.desk import Desk


@pytest.fixture
def desk():
    one = Desk()
    yield one
    one.close()


def turn_until(desk, place, holds):
    """As the timer does it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        desk.turn(place)
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError(f"{desk.state}: {desk.message}")


def place_of(fake):
    return BridgePlace(home=str(fake.home))


def test_a_running_bridge_is_found_and_its_swarm_and_jobs_are_known(fake, desk):
    turn_until(desk, place_of(fake), lambda: desk.swarm is not None and JOB in desk.jobs)
    assert desk.is_ready
    assert fake.asked("swarm.status") == {"watch": True}
    assert fake.asked("jobs.watch") == {"job": JOB, "from": 0}


def test_events_of_a_job_change_its_progress_and_its_end_is_told_once(fake, desk):
    ends = []
    desk.on_end = lambda job: ends.append(job.line.state)
    turn_until(desk, place_of(fake), lambda: JOB in desk.jobs)
    fake.asked("jobs.watch")
    fake.event(golden("event.chunk-accepted")["event"])
    fake.answers["jobs.list"] = {"jobs": [job_summary("cancelled")]}
    fake.event({"event": "job-summary", "line": job_summary("cancelled")})
    turn_until(desk, place_of(fake), lambda: ends)
    assert ends == ["cancelled"]
    assert sum(donor.done for donor in desk.jobs[JOB].progress.donors.values()) == 1


def test_a_bridge_that_dies_leaves_its_jobs_in_sight_and_a_sentence(fake, desk):
    turn_until(desk, place_of(fake), lambda: JOB in desk.jobs)
    fake.die()
    turn_until(desk, place_of(fake), lambda: desk.state == "off")
    assert desk.message == "The bridge has gone."
    assert JOB in desk.jobs


def test_a_bridge_that_comes_back_is_found_by_itself(fake, desk, tmp_path):
    from fake_bridge import FakeBridge

    turn_until(desk, place_of(fake), lambda: JOB in desk.jobs)
    fake.die()
    turn_until(desk, place_of(fake), lambda: desk.state == "off")
    with FakeBridge(fake.home):
        turn_until(desk, place_of(fake), lambda: desk.is_ready)


def test_work_waits_for_the_bridge_to_be_started(desk, tmp_path):
    program = tmp_path / "p2p-render"
    program.write_text(f"#!{sys.executable}\nprint('no Node here')\nraise SystemExit(1)\n", "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    said = []
    place = BridgePlace(program=str(program), home=str(tmp_path / "home"))
    desk.when_ready(place, lambda: said.append("done"), said.append)
    turn_until(desk, place, lambda: said)
    assert "no Node here" in said[0]
    assert desk.state == "off"


def test_no_bridge_to_start_is_a_sentence(desk, tmp_path):
    said = []
    desk.when_ready(BridgePlace(program=str(tmp_path / "nothing"), home=str(tmp_path)), lambda: None, said.append)
    assert "preferences" in said[0]


def test_what_the_bridge_refuses_reaches_who_asked(fake, desk):
    turn_until(desk, place_of(fake), lambda: desk.is_ready)
    fake.answers["jobs.pause"] = {"failure": {"code": "JOB_UNKNOWN", "message": "there is no job x", "advice": "Look at the list."}}
    said = []
    desk.ask("jobs.pause", {"job": "x"}, None, said.append)
    turn_until(desk, place_of(fake), lambda: said)
    assert said == ["there is no job x. Look at the list."]


def test_a_turn_ends_when_its_time_is_up_however_much_has_come(fake, desk, monkeypatch):
    turn_until(desk, place_of(fake), lambda: JOB in desk.jobs)
    fake.asked("jobs.watch")
    for _ in range(50):
        fake.event(golden("event.chunk-accepted")["event"])
    time.sleep(0.5)
    monkeypatch.setattr("p2p_render.desk.TURN_SECONDS", 0)
    desk.turn(place_of(fake))
    assert desk.jobs[JOB].seen <= 2
    turn_until(desk, place_of(fake), lambda: desk.jobs[JOB].seen > 50)


def test_the_end_of_a_job_of_ours_is_told_however_soon_it_came(fake, desk):
    ends = []
    desk.on_end = lambda job: ends.append((job.line.state, job.progress.outputs))
    fake.answers["jobs.list"] = {"jobs": [job_summary("cancelled")]}
    fake.answers["jobs.watch"] = {"line": job_summary("cancelled"), "first": 0, "next": 0, "raw": [], "outputs": ["/out/1.png"]}
    turn_until(desk, place_of(fake), lambda: JOB in desk.jobs)
    assert ends == []  # an old one
    del desk.jobs[JOB]
    desk.await_job(JOB)
    turn_until(desk, place_of(fake), lambda: ends)
    fake.event({"event": "job-summary", "line": job_summary("cancelled")})
    turn_until(desk, place_of(fake), lambda: desk.jobs[JOB].seen > 0)
    assert ends == [("cancelled", ("/out/1.png",))]


def test_a_job_that_ended_before_it_could_be_watched_is_told_with_its_last_event(fake, desk):
    ends = []
    desk.on_end = lambda job: ends.append(job.line.state)
    fake.answers["jobs.watch"] = {"line": job_summary("cancelled"), "first": 0, "next": 2, "raw": [], "outputs": []}
    turn_until(desk, place_of(fake), lambda: JOB in desk.jobs and desk.jobs[JOB].line.is_ended)
    assert ends == []
    fake.event({"event": "job-summary", "line": job_summary("running")})
    fake.event({"event": "job-summary", "line": job_summary("cancelled")})
    turn_until(desk, place_of(fake), lambda: ends)
    assert ends == ["cancelled"]


def test_a_bridge_on_another_disk_is_known_as_that(fake, desk):
    turn_until(desk, place_of(fake), lambda: desk.is_ready)
    assert not desk.is_apart
    desk.close()
    fake.named_home = fake.home / "elsewhere"
    turn_until(desk, place_of(fake), lambda: desk.is_ready)
    assert desk.is_apart


def test_an_address_is_used_at_once_and_another_one_instead_of_it(fake, desk):
    done = []
    far = BridgePlace(address=f"127.0.0.1:{fake.port}", token=TOKEN)
    desk.when_ready(far, lambda: done.append("ready"), done.append)
    turn_until(desk, far, lambda: done)
    assert done == ["ready"]
    nobody = BridgePlace(address="127.0.0.1:9", token=TOKEN)
    turn_until(desk, nobody, lambda: not desk.is_ready)
    desk.when_ready(nobody, lambda: done.append("ready"), done.append)
    turn_until(desk, nobody, lambda: len(done) == 2)
    assert "is the tunnel open" in done[1]
    assert desk.state == "off"


def test_a_wrong_token_is_tried_once(fake, desk):
    wrong = BridgePlace(address=f"127.0.0.1:{fake.port}", token="0" * 64)
    desk._looked_at = 0
    turn_until(desk, wrong, lambda: "token" in desk.message)
    desk._looked_at = 0  # the next look is due
    desk.turn(wrong)
    assert desk._link is None
    right = BridgePlace(address=f"127.0.0.1:{fake.port}", token=TOKEN)
    desk._looked_at = 0
    turn_until(desk, right, lambda: desk.is_ready)


def test_a_job_of_ours_is_in_sight_though_its_bridge_died_before_it_was_listed(fake, desk):
    fake.answers["jobs.list"] = {"jobs": []}
    turn_until(desk, place_of(fake), lambda: desk.swarm is not None)
    fake.die()
    desk.adopt(messages.parse_result("jobs.list", {"jobs": [job_summary()]}).jobs[0])
    turn_until(desk, place_of(fake), lambda: desk.state == "off")
    assert desk.jobs[JOB].line.state == "running"
