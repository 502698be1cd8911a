import { z } from "zod";
import { runChecks, checkSwarmJoin } from "../../../app/doctor/doctor.ts";
import { openHome } from "../../../config/home.ts";
import { EXIT } from "../../exit-codes.ts";
import type { Cli } from "../../cli.ts";
import { paint } from "../../terminal.ts";
import { parseOptions } from "../../parse-options.ts";

const DoctorOptions = z.object({ home: z.string().optional(), json: z.boolean().default(false), blender: z.string().optional() });

/** `bridge doctor`: what works on this machine, what does not, and how to fix it. */
export async function doctorAction(cli: Cli, raw: Record<string, unknown>): Promise<void> {
  const { home, json, blender } = parseOptions(DoctorOptions, raw);
  const opened = await openHome(cli.world.disk, home);
  const findings = await runChecks(
    cli.world,
    { home: opened, blender },
    () => checkSwarmJoin(cli.world.clock, opened, cli.signal),
    cli.signal,
  );
  for (const finding of findings) {
    if (json) cli.terminal.json({ event: "finding", ...finding });
    else {
      const mark = finding.ok ? paint("green", "✓") : paint(finding.needed ? "red" : "yellow", finding.needed ? "✕" : "–");
      cli.terminal.line(`${mark} ${finding.what.padEnd(14)} ${finding.detail}${finding.fix === undefined ? "" : `\n    ${finding.fix}`}`);
    }
  }
  cli.exitWith(findings.some(({ ok, needed }) => needed && !ok) ? EXIT.incomplete : EXIT.ok);
}
