/**
 * Every stable error code, its exit code and advice for the user.
 *
 * Codes are a contract: scripts match them. `bridge/ERRORS.md` lists the same codes; a test holds the
 * two together. Exit codes: 0 nothing to do, 2 usage or bad input, 3 incomplete or failed job, 130 interrupted.
 */
export const ERROR_CODES = {
  // User input
  USAGE: { exitCode: 2, advice: "See `bridge <command> --help`." },
  SCENE_NOT_FOUND: { exitCode: 2, advice: "Check the path to the .blend file." },
  SCENE_NOT_A_FILE: { exitCode: 2, advice: "Name a .blend file that is stored on a disk." },
  SCENE_EMPTY: { exitCode: 2, advice: "The file has no bytes: save the scene again." },
  SCENE_NOT_BLEND: { exitCode: 2, advice: "Name a file that Blender saved (.blend, also gzip or zstd compressed)." },
  SCENE_UNREADABLE: { exitCode: 2, advice: "The file may be truncated or damaged: open it in Blender and save it again." },
  SCENE_TOO_NEW: { exitCode: 2, advice: "Use a Blender at least as new as the one that saved the scene (--blender <path>)." },
  SCENE_NO_CAMERA: { exitCode: 2, advice: "Add a camera to the scene, make it the active one and save." },
  SCENE_UNKNOWN: { exitCode: 2, advice: "Name a scene that the file has (-S)." },
  SCENE_CHANGED: { exitCode: 3, advice: "The scene or one of its files changed while the job ran: start a new render." },
  FRAMES_INVALID: { exitCode: 2, advice: "Write frames as Blender does: 1,3,5..9 or 1-20x2." },
  FRAMES_EXIST: { exitCode: 0, advice: "Switch Overwrite on in the scene's output settings, or remove the pictures." },
  RAW_IMPOSSIBLE: { exitCode: 2, advice: "Render such scenes to files: with the add-on's buttons, or `bridge render`." },
  TILES_INVALID: { exitCode: 2, advice: "Write tiles as auto, off or COLUMNSxROWS, for instance 4x3." },
  OUTPUT_NOT_WRITABLE: { exitCode: 2, advice: "Choose an output folder you may write to (-o)." },
  PEER_ADDRESS_INVALID: { exitCode: 2, advice: "Write a peer id (12D3Koo…) or a multiaddr (/ip4/…/tcp/…/p2p/…)." },
  JOB_UNKNOWN: { exitCode: 2, advice: "List the jobs with `bridge jobs`." },
  JOB_STATE: { exitCode: 2, advice: "Check the job list: the job is in another state." },
  JOB_BUSY: { exitCode: 2, advice: "Another bridge is working on this job: wait, or cancel it there." },
  HOME_BUSY: { exitCode: 2, advice: "Another bridge uses this home: stop it, or choose another with --home." },
  HOME_NOT_WRITABLE: { exitCode: 2, advice: "Choose a home folder you may write to (--home)." },
  BRIDGE_RUNNING: { exitCode: 2, advice: "Use the bridge that runs, or choose another home with --home." },
  IDENTITY_DAMAGED: { exitCode: 2, advice: "Remove identity.key from the home; this node then gets a new peer id." },
  LISTEN_FAILED: { exitCode: 2, advice: "Another program holds this address: choose another to listen on." },
  ENVIRONMENT_BUSY: { exitCode: 2, advice: "Wait until the work in it has ended, or stop the donor." },
  VIDEO_UNSUPPORTED: { exitCode: 2, advice: "Name a video that ends in .mp4, .webm, .mov or .mkv." },

  // Requests of clients of `bridge serve`
  TOKEN_WRONG: { exitCode: 2, advice: "Read the token file again: a bridge makes a new token at each start." },
  WIRE_VERSION: { exitCode: 2, advice: "Bring the bridge and its client to the same version." },
  WIRE_INVALID: { exitCode: 2, advice: "The bridge did not understand the client's message: bring both to the same version." },
  WIRE_BUSY: { exitCode: 2, advice: "Wait for replies before sending more requests." },
  TOO_MANY_UPLOADS: { exitCode: 2, advice: "Wait until some uploads have finished." },
  UPLOAD_UNKNOWN: { exitCode: 2, advice: "Start with `files.put`: an upload ends with its connection, or by `files.done`." },
  UPLOAD_WRONG: { exitCode: 3, advice: "Send the file again." },
  FILE_NOT_OF_JOB: { exitCode: 2, advice: "Download only files that the job's events, raw frames or outputs name." },
  FILE_GONE: {
    exitCode: 3,
    advice: "Tiles are removed when their frame is complete, and raw frames when they are released: continue with the next file.",
  },
  TOO_MANY_JOBS: { exitCode: 2, advice: "Wait until some jobs have ended, or cancel some." },

  // Missing on this machine
  BLENDER_NOT_FOUND: { exitCode: 2, advice: "Install Blender, or name it with --blender <path>." },
  BLENDER_TOO_OLD: { exitCode: 2, advice: "Use Blender 3.4 or newer (--blender <path>)." },
  BASE_IMAGE_MISSING: { exitCode: 2, advice: "Name an image that the engine has with --base." },
  GPU_MISSING: { exitCode: 3, advice: "Run `bridge doctor`: the driver, and for containers the GPU runtime, must work." },
  FFMPEG_NOT_FOUND: { exitCode: 2, advice: "Install ffmpeg, or name it in FFMPEG_PATH." },
  SANDBOX_UNAVAILABLE: {
    exitCode: 2,
    advice:
      "`bridge doctor` says what the container engine lacks; for your own swarm only, `bridge donate --sandbox process` works without one.",
  },
  SANDBOX_UNSAFE: {
    exitCode: 2,
    advice: "`bridge doctor` says how to fix it; for your own swarm only, `bridge donate --sandbox process` works without an engine.",
  },
  ENVIRONMENT_MISSING: { exitCode: 2, advice: "Make one with `bridge env build`, or name another with --environment." },
  DISK_FULL: { exitCode: 3, advice: "Free some space, then `bridge jobs resume`." },
  DATABASE_CORRUPT: { exitCode: 3, advice: "The file was moved aside; jobs in it are lost, pictures are not." },

  // Failures at work
  BLENDER_CRASHED: { exitCode: 3, advice: "Open the scene in Blender and render the frame there; if it crashes too, simplify the scene." },
  BLENDER_HUNG: { exitCode: 3, advice: "Render the frame in Blender to see how long it takes; give it more memory if it swaps." },
  BLENDER_SCRIPT_FAILED: { exitCode: 3, advice: "Run again; if it happens again, report it with the kind of scene and Blender's version." },
  BLENDER_RENDER_FAILED: { exitCode: 3, advice: "Blender could not render this frame; its reason is printed above." },
  MEMORY_EXCEEDED: { exitCode: 3, advice: "The scene needs a donor with more memory: `bridge donate set memory=...` increases it." },
  SCRATCH_FULL: { exitCode: 3, advice: "The scene needs a donor with more memory, half of which is the scratch folder of a sandbox." },
  PROCESSES_EXCEEDED: { exitCode: 3, advice: "Normal scenes do not do this: check what its scripts and drivers start." },
  OUTPUT_EXCEEDED: { exitCode: 3, advice: "Normal scenes do not do this: check what its scripts and drivers print." },
  SCENE_RUNS_SCRIPTS: { exitCode: 3, advice: "Donors do not run scripts of scenes: let this machine render it (omit --no-local)." },
  DENOISER_MISSING: { exitCode: 2, advice: "This Blender is built without the denoiser: use an official build, or turn denoising off." },
  FINISHING_FAILED: { exitCode: 3, advice: "Blender could not make the final picture; its reason is printed above." },
  VIDEO_FAILED: { exitCode: 3, advice: "The frames are complete; ffmpeg's reason is printed above." },
  ENVIRONMENT_BUILD_FAILED: { exitCode: 3, advice: "The builder's last lines are printed above." },
  ENVIRONMENT_INVALID: { exitCode: 3, advice: "A peer's environment was refused and is fetched from others; it was not run." },
  ENVIRONMENT_REFUSED: { exitCode: 3, advice: "Its owner may allow it with `bridge donate set environments=…`." },
  RESULT_INVALID: { exitCode: 3, advice: "A peer's result was refused; another peer renders the chunk. Nothing to do." },
  CHECK_FAILED: {
    exitCode: 3,
    advice: "This machine could not render the crop for a check: the reason is printed above (`--verify off` skips checks).",
  },
  EXR_INVALID: { exitCode: 3, advice: "A peer's picture was refused; another peer renders the chunk. Nothing to do." },

  // The swarm
  PEER_UNREACHABLE: { exitCode: 3, advice: "Check that the peer runs `bridge donate` and that its address is right." },
  PEER_BROKE_PROTOCOL: { exitCode: 3, advice: "The peer runs another version, or is faulty; it is not used." },
  NO_MATCHING_BLENDER: { exitCode: 3, advice: "Ask the donors to install the same Blender build as yours, or let this machine join in." },
  DONOR_NOT_RUNNING: { exitCode: 3, advice: "Start it with `bridge donate`, with the same --home." },
  NO_DONORS: { exitCode: 3, advice: "Start `bridge donate` on another machine, or omit --no-local." },
  BLOCK_MISSING: { exitCode: 3, advice: "The peer no longer has this part of the scene; it is fetched from others." },
  BLOCK_CORRUPT: { exitCode: 3, advice: "The peer sent wrong data; it is fetched from others." },
  MANIFEST_INVALID: { exitCode: 3, advice: "The requester's list of scene files is invalid; nothing was run." },
  FILE_LOST: { exitCode: 3, advice: "The file was moved, changed or removed while the job ran: `bridge jobs resume` renders it again." },
  JOB_STALLED: { exitCode: 3, advice: "Resume it with `bridge jobs resume`; if it stalls again, report what it waited for." },
  JOB_INCOMPLETE: { exitCode: 3, advice: "Resume it with `bridge jobs resume`." },
  CANCELLED: { exitCode: 130, advice: "Resume it with `bridge jobs resume`." },
} as const satisfies Record<string, { readonly exitCode: number; readonly advice: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
