# SPDX-License-Identifier: GPL-2.0-or-later
"""The main thread's client of the bridge, updated by the test instead of the timer."""

import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_bridge import JOB, TOKEN, FakeBridge, golden, job_summary
from time_limit import until

from p2p_render.bridge.bridge_client import BridgeClient
from p2p_render.bridge.discovery import BridgeSettings
from p2p_render.bridge.wire import messages
from p2p_render.bridge.wire.derived import is_ended


@pytest.fixture
def bridge_client() -> Iterator[BridgeClient]:
    one = BridgeClient()
    yield one
    one.close()


def turn_until(bridge_client: BridgeClient, settings: BridgeSettings, holds: Callable[[], object]) -> None:
    """As the timer does it."""

    def look() -> object:
        bridge_client.update(settings)
        return holds()

    until(look, lambda: f"{bridge_client.state}: {bridge_client.message}")


def settings_for(fake: FakeBridge) -> BridgeSettings:
    return BridgeSettings(home=str(fake.home))


def test_finds_a_running_bridge_and_reads_its_swarm_and_jobs(fake: FakeBridge, bridge_client: BridgeClient) -> None:
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.swarm is not None and JOB in bridge_client.jobs)
    assert bridge_client.is_ready
    assert fake.asked("swarm.status") == {"watch": True}
    assert fake.asked("jobs.watch") == {"job": JOB, "from": 0}


def test_events_update_a_job_and_its_end_is_reported_once(fake: FakeBridge, bridge_client: BridgeClient) -> None:
    ends = []
    bridge_client.on_end = lambda job: ends.append(job.summary.state)
    turn_until(bridge_client, settings_for(fake), lambda: JOB in bridge_client.jobs)
    fake.asked("jobs.watch")
    fake.event(golden("event.chunk-accepted")["event"])
    fake.answers["jobs.list"] = {"jobs": [job_summary("cancelled")]}
    fake.event({"event": "job-summary", "summary": job_summary("cancelled")})
    turn_until(bridge_client, settings_for(fake), lambda: ends)
    assert ends == ["cancelled"]
    assert sum(donor.done for donor in bridge_client.jobs[JOB].progress.donors.values()) == 1


def test_keeps_jobs_and_shows_a_message_when_the_bridge_dies(fake: FakeBridge, bridge_client: BridgeClient) -> None:
    turn_until(bridge_client, settings_for(fake), lambda: JOB in bridge_client.jobs)
    fake.die()
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.state == "off")
    assert bridge_client.message == "The bridge has disconnected."
    assert JOB in bridge_client.jobs


def test_reconnects_to_a_bridge_that_comes_back(fake: FakeBridge, bridge_client: BridgeClient, tmp_path: Path) -> None:
    from fake_bridge import FakeBridge

    turn_until(bridge_client, settings_for(fake), lambda: JOB in bridge_client.jobs)
    fake.die()
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.state == "off")
    with FakeBridge(fake.home):
        turn_until(bridge_client, settings_for(fake), lambda: bridge_client.is_ready)


def test_a_bridge_that_fails_to_start_fails_the_work_that_waits_for_it(bridge_client: BridgeClient, tmp_path: Path) -> None:
    program = tmp_path / "p2p-render"
    program.write_text(f"#!{sys.executable}\nprint('no Node here')\nraise SystemExit(1)\n", "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    errors: list[str] = []
    settings = BridgeSettings(program=str(program), home=str(tmp_path / "home"))
    bridge_client.when_ready(settings, lambda: errors.append("done"), errors.append)
    turn_until(bridge_client, settings, lambda: errors)
    assert "no Node here" in errors[0]
    assert bridge_client.state == "off"


def test_a_missing_bridge_is_reported_with_what_to_do(bridge_client: BridgeClient, tmp_path: Path) -> None:
    errors: list[str] = []
    bridge_client.when_ready(BridgeSettings(program=str(tmp_path / "nothing"), home=str(tmp_path)), lambda: None, errors.append)
    assert "preferences" in errors[0]


def test_an_error_reaches_the_caller_of_the_request(fake: FakeBridge, bridge_client: BridgeClient) -> None:
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.is_ready)
    fake.answers["jobs.pause"] = {"failure": {"code": "JOB_UNKNOWN", "message": "there is no job x", "advice": "Look at the list."}}
    errors: list[str] = []
    bridge_client.request("jobs.pause", {"job": "x"}, None, errors.append)
    turn_until(bridge_client, settings_for(fake), lambda: errors)
    assert errors == ["there is no job x. Look at the list."]


def test_an_update_ends_when_its_time_is_up(fake: FakeBridge, bridge_client: BridgeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    turn_until(bridge_client, settings_for(fake), lambda: JOB in bridge_client.jobs)
    fake.asked("jobs.watch")
    for _ in range(50):
        fake.event(golden("event.chunk-accepted")["event"])
    time.sleep(0.5)
    monkeypatch.setattr("p2p_render.bridge.bridge_client.UPDATE_SECONDS", 0)
    bridge_client.update(settings_for(fake))
    assert bridge_client.jobs[JOB].next_seq <= 2
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.jobs[JOB].next_seq > 50)


def test_the_end_of_an_expected_job_is_reported_even_if_it_came_before_the_list(
    fake: FakeBridge, bridge_client: BridgeClient
) -> None:
    ends = []
    bridge_client.on_end = lambda job: ends.append((job.summary.state, job.progress.outputs))
    fake.answers["jobs.list"] = {"jobs": [job_summary("cancelled")]}
    fake.answers["jobs.watch"] = {"summary": job_summary("cancelled"), "first": 0, "next": 0, "raw": [], "outputs": ["/out/1.png"]}
    turn_until(bridge_client, settings_for(fake), lambda: JOB in bridge_client.jobs)
    assert ends == []  # an old one
    del bridge_client.jobs[JOB]
    bridge_client.expect_job(JOB)
    turn_until(bridge_client, settings_for(fake), lambda: ends)
    fake.event({"event": "job-summary", "summary": job_summary("cancelled")})
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.jobs[JOB].next_seq > 0)
    assert ends == [("cancelled", ("/out/1.png",))]


def test_a_job_that_ended_before_it_was_watched_is_reported_with_its_last_event(
    fake: FakeBridge, bridge_client: BridgeClient
) -> None:
    ends = []
    bridge_client.on_end = lambda job: ends.append(job.summary.state)
    fake.answers["jobs.watch"] = {"summary": job_summary("cancelled"), "first": 0, "next": 2, "raw": [], "outputs": []}
    turn_until(bridge_client, settings_for(fake), lambda: JOB in bridge_client.jobs and is_ended(bridge_client.jobs[JOB].summary))
    assert ends == []
    fake.event({"event": "job-summary", "summary": job_summary("running")})
    fake.event({"event": "job-summary", "summary": job_summary("cancelled")})
    turn_until(bridge_client, settings_for(fake), lambda: ends)
    assert ends == ["cancelled"]


def test_recognises_a_bridge_on_another_disk(fake: FakeBridge, bridge_client: BridgeClient) -> None:
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.is_ready)
    assert not bridge_client.is_remote
    bridge_client.close()
    fake.named_home = fake.home / "elsewhere"
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.is_ready)
    assert bridge_client.is_remote


def test_connects_to_an_address_and_to_another_one_when_it_changes(fake: FakeBridge, bridge_client: BridgeClient) -> None:
    done = []
    far = BridgeSettings(address=f"127.0.0.1:{fake.port}", token=TOKEN)
    bridge_client.when_ready(far, lambda: done.append("ready"), done.append)
    turn_until(bridge_client, far, lambda: done)
    assert done == ["ready"]
    nobody = BridgeSettings(address="127.0.0.1:9", token=TOKEN)
    turn_until(bridge_client, nobody, lambda: not bridge_client.is_ready)
    bridge_client.when_ready(nobody, lambda: done.append("ready"), done.append)
    turn_until(bridge_client, nobody, lambda: len(done) == 2)
    assert "is the tunnel open" in done[1]
    assert bridge_client.state == "off"


def test_a_rejected_token_is_not_tried_again(fake: FakeBridge, bridge_client: BridgeClient) -> None:
    wrong = BridgeSettings(address=f"127.0.0.1:{fake.port}", token="0" * 64)
    bridge_client._searched_at = 0
    turn_until(bridge_client, wrong, lambda: "token" in bridge_client.message)
    bridge_client._searched_at = 0  # the next look is due
    bridge_client.update(wrong)
    assert bridge_client._connection is None
    right = BridgeSettings(address=f"127.0.0.1:{fake.port}", token=TOKEN)
    bridge_client._searched_at = 0
    turn_until(bridge_client, right, lambda: bridge_client.is_ready)


def test_an_added_job_stays_in_sight_when_the_bridge_dies_before_listing_it(fake: FakeBridge, bridge_client: BridgeClient) -> None:
    fake.answers["jobs.list"] = {"jobs": []}
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.swarm is not None)
    fake.die()
    bridge_client.add_job(messages.parse_result("jobs.list", {"jobs": [job_summary()]}).jobs[0])
    turn_until(bridge_client, settings_for(fake), lambda: bridge_client.state == "off")
    assert bridge_client.jobs[JOB].summary.state == "running"
