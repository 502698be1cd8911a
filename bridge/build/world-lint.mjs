/** World rules that oxlint's own rules cannot express: `new Date(number)` is a value, `new Date()` reads the clock. */
const noDateOfNow = {
  create: (context) => {
    const look = (node) => {
      if (
        node.callee.type === "Identifier" &&
        node.callee.name === "Date" &&
        (node.type === "CallExpression" || node.arguments.length === 0)
      )
        context.report({ node, message: "what time it is comes by the World's clock (kernel/world.ts)" });
    };
    return { NewExpression: look, CallExpression: look };
  },
};

/** Node's own `mkdir(…, { recursive: true })` never returns for folders like /proc/x; `Disk.mkdir` and `makeFolder` do. */
const noRecursiveMkdir = {
  create: (context) => ({
    CallExpression: (node) => {
      if (node.callee.type !== "Identifier" || !/^mkdir(Sync)?$/.test(node.callee.name)) return;
      const options = node.arguments[1];
      if (options?.type === "ObjectExpression" && options.properties.some(({ key }) => key?.name === "recursive"))
        context.report({ node, message: "Node's recursive mkdir may never return: use the Disk's (kernel/disk.ts)" });
    },
  }),
};

export default { meta: { name: "world" }, rules: { "no-date-of-now": noDateOfNow, "no-recursive-mkdir": noRecursiveMkdir } };
