import { describe, expect, it, vi } from "vitest";
import { systemClock } from "../../kernel/time/clock.ts";
import { never, TestNodes } from "../../test/network/test-nodes.ts";
import { NodeProcess } from "../../test/network/test-process.ts";
import { until } from "../../test/time/until.ts";

describe("[F7] a connection", () => {
  it("to a peer that is suspended for 18 s stays open, with its streams", async () => {
    await using nodes = new TestNodes();
    const client = await nodes.open();
    await using busy = await NodeProcess.start("serve", nodes.swarm);
    await client.connect(busy.address, never());
    const stream = await client.open(busy.peerId, "/test/echo/1", "control", never());
    const gone = vi.fn<() => void>();
    client.watchPeers((_peer, change) => change === "gone" && gone());
    busy.child.kill("SIGSTOP");
    await stream.write(Buffer.from("still there?"));
    const answer = stream.read();
    await systemClock.sleep(18_000);
    busy.child.kill("SIGCONT");
    expect(Buffer.from((await answer) ?? []).toString()).toBe("still there?");
    expect(gone).not.toHaveBeenCalled();
  });

  it("to a peer that stays silent is closed in the end", async () => {
    await using nodes = new TestNodes();
    const client = await nodes.open();
    await using dead = await NodeProcess.start("serve", nodes.swarm);
    await client.connect(dead.address, never());
    dead.child.kill("SIGSTOP");
    await until(() => client.knownPeers().length === 0, 120_000);
  });
});
