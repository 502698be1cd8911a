import { createLogUpdate } from "log-update";
import type { DonateEvent } from "../../donor/donate-events.ts";
import type { DonorStatus } from "../../app/donate/donor-status.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { messageOf } from "../../kernel/errors.ts";
import { paint, type Terminal } from "../terminal.ts";
import { redrawEvery } from "./redraw-every.ts";
import { drawStatus, logLine } from "./donor-picture.ts";

/** Shows a donor while it works. */
export interface DonorDisplay {
  show(event: DonateEvent): void;
  stand(status: DonorStatus): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

/** Actions of single keys. */
export interface DonorKeys {
  pause(isPaused: boolean): Promise<void>;
  finish(): Promise<void>;
  /** Allows an environment. */
  allow(digest: string): Promise<void>;
  evict(job: string): Promise<void>;
}

/** JSON lines, a live view, or plain lines, depending on options and terminal. */
export function donorView(
  terminal: Terminal,
  options: { readonly clock: Clock; readonly json: boolean; readonly keys: DonorKeys },
): DonorDisplay {
  if (options.json) {
    return { show: (event) => terminal.json(event), stand: (status) => terminal.json({ event: "donor", ...status }), end: () => {} };
  }
  if (terminal.isLive) return liveView(terminal, options);
  return { show: (event) => tell(terminal, event), stand: () => {}, end: () => {} };
}

function tell(terminal: Terminal, event: DonateEvent): void {
  const line = logLine(event);
  if (line !== undefined) terminal.line(line);
}

const REFRESH_MS = 500;
/** Size of the preview of a job whose requester allows it. */
const PICTURE = { columns: 48, rows: 12 } as const;
const HINT = "p pause or resume · f finish, then pause · 1-9 evict a job · Ctrl-C stop";
const ASKED_HINT = "a allow the requested environment";

function liveView(terminal: Terminal, { clock, keys }: { readonly clock: Clock; readonly keys: DonorKeys }): DonorDisplay {
  let status: DonorStatus | undefined;
  const update = createLogUpdate(process.stdout, { showCursor: true });
  let shown: readonly string[] = [];
  const draw = () => {
    if (!status) return;
    const picture = drawStatus(status, { nowMs: clock.now(), columns: Math.min(terminal.columns, 120) });
    const hint = status.asked.length === 0 ? HINT : `${ASKED_HINT} · ${HINT}`;
    update([picture, ...shown.map((line) => `  ${line}`), paint("gray", `  ${hint}`)].join("\n"));
  };
  /** Only with colours, and if it fits; an unreadable picture is not shown. */
  const look = async (now: DonorStatus) => {
    const newest = now.pictures.at(-1);
    const fits = terminal.columns > PICTURE.columns + 2 && process.stdout.hasColors?.(2 ** 24) === true;
    if (!newest || !fits) return (shown = []);
    const { terminalPicture } = await import("../../app/render/terminal-preview.ts");
    return (shown = await terminalPicture(newest.path, PICTURE).catch(() => []));
  };
  const above = (line: string) => {
    update.clear();
    terminal.line(line);
    draw();
  };
  const still = redrawEvery(REFRESH_MS, draw);
  const deaf = listen((key) => {
    handleKey(key, status, keys)?.catch((error: unknown) => above(`${paint("yellow", "note")} ${messageOf(error)}`));
  });
  return {
    show: (event) => {
      // Lines for every chunk would push other lines away: the live view counts them.
      const line = event.event === "chunk-rendered" ? undefined : logLine(event);
      if (line !== undefined) above(line);
    },
    stand: (now) => {
      status = now;
      void look(now).then(draw);
    },
    end: () => {
      deaf();
      still();
      update.done();
    },
  };
}

/** The action of a key; undefined for other keys. */
export function handleKey(key: string, status: DonorStatus | undefined, keys: DonorKeys): Promise<void> | undefined {
  if (!status) return undefined;
  const byOwner = status.availability.state !== "open" && status.availability.code === "owner";
  if (key === "p") return keys.pause(byOwner);
  if (key === "f") return keys.finish();
  const asked = key === "a" ? status.asked.at(-1) : undefined;
  if (asked) return keys.allow(asked.digest);
  const job = /^[1-9]$/.test(key) ? status.jobs[Number(key) - 1] : undefined;
  return job && keys.evict(job.job);
}

/** Reads single keys; returns a stop function. Ctrl-C still interrupts. */
function listen(pressed: (key: string) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const hear = (data: Buffer) => {
    for (const key of data.toString("utf8")) {
      if (key === "\u0003") process.kill(process.pid, "SIGINT");
      else pressed(key);
    }
  };
  stdin.setRawMode(true);
  stdin.on("data", hear);
  stdin.resume();
  return () => {
    stdin.off("data", hear);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
