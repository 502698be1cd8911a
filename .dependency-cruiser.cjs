// The walls between the rooms of bridge/ (ARCHITECTURE.md draws them). `npm run check` also asserts that modules were looked at.

/** What each room may import of ours, besides itself. Rooms that are not named may import anything below them. */
const ROOMS = {
  kernel: [],
  core: ["kernel"],
  protocols: ["kernel", "core"],
  network: ["kernel", "protocols"],
  content: ["kernel", "core"],
  database: ["kernel", "core"],
  sandbox: ["kernel", "core"],
  machine: ["kernel", "core"],
  blender: ["kernel", "core"],
  media: ["kernel", "core"],
  requester: ["kernel", "core", "protocols"],
  donor: ["kernel", "core", "protocols"],
  gateway: ["kernel", "core"],
  web: ["gateway"],
  config: ["kernel", "core"],
};

/** npm packages and parts of Node that have one room. */
const HOMES = {
  "libp2p lives in network": { room: "network", packages: "(^|/)(libp2p|@libp2p|@chainsafe|@multiformats|datastore-[^/]+)(/|$)" },
  "Docker lives in sandbox": { room: "sandbox", packages: "(^|/)dockerode(/|$)" },
  "SQLite lives in database": { room: "database", packages: "^(node:)?sqlite$" },
  "pictures and video live in media": { room: "media", packages: "(^|/)(sharp|ffmpeg-static)(/|$)" },
  "WebSockets live in gateway": { room: "gateway", packages: "(^|/)node_modules/ws(/|$)" },
};

// Tests import what they need.
const TESTS = "(\\.test\\.ts$|^bridge/test/|/fixtures/)";
const folder = (rooms) => `^bridge/(${rooms.join("|")})/`;

const walls = Object.entries(ROOMS).map(([room, below]) => ({
  name: `${room} imports only ${below.join(", ") || "itself"}`,
  severity: "error",
  from: { path: folder([room]), pathNot: TESTS },
  to: { path: "^(bridge|bench|sample-scenes|blender-addon|containers)/", pathNot: folder([room, ...below]) },
}));

const homes = Object.entries(HOMES).map(([name, { room, packages }]) => ({
  name,
  severity: "error",
  from: { path: "^(bridge|bench|sample-scenes)/", pathNot: `${TESTS}|^bridge/${room}/` },
  to: { path: packages },
}));

module.exports = {
  forbidden: [
    ...walls,
    ...homes,
    {
      name: "core is pure",
      comment: "Decisions take values and return values: no I/O, no clock, and of packages only the one that schemas are written in.",
      severity: "error",
      from: { path: "^bridge/core/", pathNot: TESTS },
      to: { dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "core"], pathNot: "node_modules/zod/" },
    },
    {
      name: "only wiring imports the command line and the wiring",
      severity: "error",
      from: { path: "^bridge/", pathNot: `${TESTS}|^bridge/(cli|app|demo)/` },
      to: { path: "^bridge/(cli|app)/" },
    },
    { name: "no cycles, not of types either", severity: "error", from: {}, to: { circular: true } },
    { name: "everything resolves", severity: "error", from: {}, to: { couldNotResolve: true, pathNot: "^(ffmpeg-static)$" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|\\.runtime)/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: [".ts", ".mjs", ".cjs", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
