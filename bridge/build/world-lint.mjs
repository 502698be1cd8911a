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

export default { meta: { name: "world" }, rules: { "no-date-of-now": noDateOfNow } };
