/** Architectures for which there is a filter, by Linux's names. */
export type FilterArch = "x86_64" | "aarch64";

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const refuseWith = (errno: number) => 0x00050000 | errno;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
const AF_UNIX = 1;

/** Offsets into seccomp_data: syscall number, architecture, first argument (low half, little endian). */
const AT = { number: 0, arch: 4, firstArgument: 16 } as const;

interface Calls {
  /** The kernel's constant of the architecture (AUDIT_ARCH_…). */
  readonly audit: number;
  /** Numbers from here on belong to another ABI of the same architecture. */
  readonly foreignFrom: number | undefined;
  readonly socket: number;
  readonly refused: readonly number[];
}

const CLONE3 = 435;
/** The same numbers on all architectures: io_uring, the new mount API, pidfd_getfd, process_madvise, memfd_secret. */
const REFUSED_EVERYWHERE = [425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 438, 440, 447];

/**
 * Syscalls that no renderer needs and that had kernel vulnerabilities: other processes' memory, keys, BPF, user faults, performance
 * events, namespaces, mounts, modules, clocks, names. In the order: bpf, ptrace, process_vm_readv and _writev, keyctl, add_key,
 * request_key, userfaultfd, perf_event_open, unshare, setns, mount, umount2, pivot_root, chroot, init_module, finit_module,
 * delete_module, kexec_load, kexec_file_load, open_by_handle_at, name_to_handle_at, mknodat, swapon, swapoff, reboot, acct,
 * quotactl, syslog, kcmp, personality, vmsplice, settimeofday, clock_settime, adjtimex, clock_adjtime, sethostname,
 * setdomainname, lookup_dcookie; x86_64 also mknod, modify_ldt, iopl, ioperm, uselib, ustat, sysfs, nfsservctl.
 */
const CALLS: Readonly<Record<FilterArch, Calls>> = {
  x86_64: {
    audit: 0xc000003e,
    foreignFrom: 0x40000000,
    socket: 41,
    refused: [
      321, 101, 310, 311, 250, 248, 249, 323, 298, 272, 308, 165, 166, 155, 161, 175, 313, 176, 246, 320, 304, 303, 259, 167, 168, 169, 163,
      179, 103, 312, 135, 278, 164, 227, 159, 305, 170, 171, 212, 133, 154, 172, 173, 134, 136, 139, 180,
    ],
  },
  aarch64: {
    audit: 0xc00000b7,
    foreignFrom: undefined,
    socket: 198,
    refused: [
      280, 117, 270, 271, 219, 217, 218, 282, 241, 97, 268, 40, 39, 41, 51, 105, 273, 106, 104, 294, 265, 264, 33, 224, 225, 142, 89, 60,
      116, 272, 92, 75, 170, 112, 171, 266, 161, 162, 18,
    ],
  },
};

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

/**
 * A classic BPF program for seccomp, stacked on top of the engine's own filter (which stays: filters only add up). Sockets of
 * other families than AF_UNIX fail, clone3 is ENOSYS (its flags are in memory that no filter can read; C libraries fall
 * back), other ABIs end the process.
 */
export function seccompProgram(arch: FilterArch): Buffer {
  const { audit, foreignFrom, socket, refused } = CALLS[arch];
  const giving = (number: number, answer: number): Instruction[] => [
    [JUMP_EQUAL, 0, 1, number],
    [RETURN, 0, 0, answer],
  ];
  const foreign: Instruction[] =
    foreignFrom === undefined
      ? []
      : [
          [JUMP_AT_LEAST, 0, 1, foreignFrom],
          [RETURN, 0, 0, KILL],
        ];
  return encoded([
    [LOAD, 0, 0, AT.arch],
    [JUMP_EQUAL, 1, 0, audit],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, AT.number],
    ...foreign,
    ...[...REFUSED_EVERYWHERE, ...refused].flatMap((number) => giving(number, refuseWith(EPERM))),
    ...giving(CLONE3, refuseWith(ENOSYS)),
    [JUMP_EQUAL, 0, 3, socket],
    [LOAD, 0, 0, AT.firstArgument],
    [JUMP_EQUAL, 1, 0, AF_UNIX],
    [RETURN, 0, 0, refuseWith(EAFNOSUPPORT)],
    [RETURN, 0, 0, ALLOW],
  ]);
}

function encoded(instructions: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, jumpTrue, jumpFalse, operand]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(operand >>> 0, index * 8 + 4);
  }
  return bytes;
}
