import type { ContainerCreateOptions, HostConfig } from "dockerode";

/** What a sandbox may use. */
export interface SandboxLimits {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Of the scratch folder; it lies in memory and counts there, too. */
  readonly scratchBytes: number;
  /** Processes and threads. */
  readonly pids: number;
}

/** A folder of this machine that a sandbox may read. */
export interface ReadableFolder {
  readonly here: string;
  readonly inside: string;
}

/** Devices to hand in, as the engine is asked for them. */
export type DeviceRequest = Pick<HostConfig, "DeviceRequests" | "Devices" | "GroupAdd">;

export interface ContainerSpec {
  /** The image's id, never a name: what runs is what was looked at. */
  readonly image: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly folders: readonly ReadableFolder[];
  readonly limits: SandboxLimits;
  readonly devices?: DeviceRequest;
}

/**
 * Where a sandbox finds its own things; the same for everybody, so that paths tell nothing. The scene lies deep: a relative path
 * that climbs out of it must not end at the root, where all of them would meet.
 */
export const INSIDE = { scratch: "/tmp", scene: "/scene/0/1/2/3/4/5/6/7/8/9", tools: "/bridge" } as const;

/** A user that no image and no host gives to anybody. */
const NOBODY = "10001:10001";
const NANO = 1e9;
/** Of 1024 that a container has otherwise: everything else on this machine comes first. */
const WEAK_SHARES = 128;
const OPEN_FILES = 4_096;
/** Of one user: far above what the cap on processes lets all sandboxes have. Podman raises a limit that is not said to the most there is, which an engine with few rights of its own may not. */
const USER_PROCESSES = 4_096;
export const USER_LIMITS = [
  { Name: "nofile", Soft: OPEN_FILES, Hard: OPEN_FILES },
  { Name: "nproc", Soft: USER_PROCESSES, Hard: USER_PROCESSES },
  { Name: "core", Soft: 0, Hard: 0 },
] as const;
/** Where a machine runs out of memory, a guest goes before its host. */
const FIRST_TO_GO = 500;

/**
 * How the engine is asked for a sandbox. Nothing is granted here that rendering does not need: no network, no capability, no
 * new privilege, no writable file but a scratch of fixed size, no shared memory with others, no log on this machine's disk.
 */
export function createOptions(spec: ContainerSpec): ContainerCreateOptions {
  const [entry, ...command] = spec.command;
  return {
    Image: spec.image,
    User: NOBODY,
    WorkingDir: INSIDE.scratch,
    Hostname: "render",
    Entrypoint: entry === undefined ? [] : [entry],
    Cmd: command,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: { ...spec.labels },
    Tty: false,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true, // the end of our stream is the end of its input: so it learns that we are gone
    NetworkDisabled: true,
    StopSignal: "SIGKILL",
    Healthcheck: { Test: ["NONE"] }, // an image's own would run beside our filter
    HostConfig: { ...hostConfig(spec), ...spec.devices },
  };
}

function hostConfig({ limits, folders }: ContainerSpec): HostConfig {
  const { cpus, memoryBytes, scratchBytes, pids } = limits;
  return {
    ...({ CgroupnsMode: "private" } as object), // its type definition lacks it
    NetworkMode: "none",
    IpcMode: "none",
    Privileged: false,
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges:true"],
    Tmpfs: { [INSIDE.scratch]: `rw,nosuid,nodev,noexec,size=${scratchBytes},mode=1777` },
    Mounts: folders.map(({ here, inside }) => ({
      Type: "bind",
      Source: here,
      Target: inside,
      ReadOnly: true,
      BindOptions: { Propagation: "rprivate" },
    })),
    ...cpuForEngine(cpus),
    ...memoryForEngine(memoryBytes),
    CpuShares: WEAK_SHARES,
    PidsLimit: pids,
    OomScoreAdj: FIRST_TO_GO,
    Ulimits: [...USER_LIMITS],
    Init: false,
    AutoRemove: false, // how it ended is asked first
    RestartPolicy: { Name: "no" },
    LogConfig: { Type: "none", Config: {} }, // what it prints would fill this machine's disk
  };
}

/** Processor time; may change while it runs. */
export function cpuForEngine(cpus: number) {
  return { NanoCpus: Math.round(cpus * NANO) };
}

/** Memory; may change while it runs. Memory and swap together are no more than the memory: there is no swap. */
export function memoryForEngine(memoryBytes: number) {
  return { Memory: memoryBytes, MemorySwap: memoryBytes };
}

/** What the engine says that it made of a request. */
export interface GrantedSandbox {
  readonly HostConfig: Partial<HostConfig>;
  /** Folders in it; an image may ask for some of its own, which lie on this machine's disk and have no limit. */
  readonly Mounts: readonly { readonly RW: boolean }[];
}

/** Whether the engine took what it was asked for: some leave out silently what they do not know, and images ask for more. */
export function grantedTooMuch({ HostConfig: granted, Mounts }: GrantedSandbox): string[] {
  const faults: readonly (readonly [wrong: boolean, what: string])[] = [
    [granted.Privileged !== false, "it is privileged"],
    [granted.ReadonlyRootfs !== true, "its files are writable"],
    [Mounts.some(({ RW }) => RW), "its image asks for a folder on this machine's disk"],
    [granted.NetworkMode !== "none", "it has a network"],
    [!granted.Memory, "it has no limit of memory"],
    [!granted.PidsLimit || granted.PidsLimit < 0, "it has no limit of processes"],
    [!granted.NanoCpus && !granted.CpuQuota, "it has no limit of processor time"],
  ];
  return faults.flatMap(([wrong, what]) => (wrong ? [what] : []));
}
