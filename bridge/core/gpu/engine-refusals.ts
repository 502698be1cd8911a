/** Why an engine gave a container no GPU, and how to fix it. */
export interface ContainerGpuError {
  readonly message: string;
  readonly fix: string;
}

const TOOLKIT = "sudo apt-get install nvidia-container-toolkit && sudo nvidia-ctk runtime configure && sudo systemctl restart docker";
const SPEC = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml";

/** What engines answer to a request for GPUs that they cannot meet, from real ones (Docker 20.10 to 28). */
const REFUSALS: readonly (readonly [RegExp, ContainerGpuError])[] = [
  [/could not select device driver "?cdi"?/i, { message: "the container engine is too old for GPUs by CDI", fix: TOOLKIT }],
  [/could not select device driver/i, { message: "the container engine has no driver for this GPU", fix: TOOLKIT }],
  [
    /unknown (?:or invalid )?runtime (?:specified|name):? "?nvidia/i,
    { message: "the container engine has no NVIDIA runtime", fix: TOOLKIT },
  ],
  [/unresolvable CDI devices/i, { message: "the container engine does not know this GPU", fix: SPEC }],
  [
    /error gathering device information while adding custom device "?\/dev\/kfd/i,
    { message: "there is no /dev/kfd: the AMD driver is not loaded", fix: "sudo modprobe amdgpu (or install ROCm's driver)" },
  ],
  [
    /error gathering device information/i,
    { message: "a device file of the GPU is missing", fix: "restart the donor, so that it detects its GPUs again" },
  ],
  [
    /nvidia-container-cli: (?:initialization|device) error|driver\/library version mismatch/i,
    { message: "the NVIDIA driver does not answer inside containers", fix: "nvidia-smi must work; after an update of the driver: reboot" },
  ],
  [/cannot set both Count and DeviceIDs/i, { message: "the container request named GPUs in two ways at once", fix: "report this" }],
];

/** An engine's GPU error as a readable message; undefined for any other error. */
export function gpuRefusal(message: string): ContainerGpuError | undefined {
  return REFUSALS.find(([pattern]) => pattern.test(message))?.[1];
}
