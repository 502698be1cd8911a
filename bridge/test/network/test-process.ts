import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const PROGRAM = new URL("./test-program.ts", import.meta.url).pathname;

/** A node in its own process, for tests that need one: `kill -9`, exits, and realistic timing. */
export class NodeProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly peerId: string;
  readonly address: string;

  private constructor(child: ChildProcess, said: { peerId: string; address: string }) {
    this.child = child;
    this.peerId = said.peerId;
    this.address = said.address;
  }

  static async start(role: "serve" | "lan" | "once", swarm: string): Promise<NodeProcess> {
    const child = spawn(process.execPath, [PROGRAM, role, swarm], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return new NodeProcess(child, JSON.parse(line) as { peerId: string; address: string });
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
