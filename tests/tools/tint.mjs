// node tint.mjs FOLDER: has Dawn compile each NAME.wgsl of the folder, as the browser would, and says which it refuses.
// Exit 1 if it refuses one. `.ci/tint` runs it, with the npm package webgpu beside it.
import { readdirSync, readFileSync } from 'node:fs';
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
const folder = process.argv[2];
const adapter = await create(['backend=vulkan']).requestAdapter({ featureLevel: 'core' });
const wanted = ['shader-f16', 'subgroups'];
const missing = wanted.filter((feature) => !adapter.features.has(feature));
if (missing.length) {
  console.error(`the adapter lacks ${missing}`);
  process.exit(2);
}
const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = adapter.limits;
const requiredLimits = { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX };
const device = await adapter.requestDevice({ requiredFeatures: wanted, requiredLimits });

// Errors are read off the modules, or thrown; nobody else need hear of them.
device.addEventListener('uncapturederror', (event) => event.preventDefault());

const files = readdirSync(folder).filter((name) => name.endsWith('.wgsl')).sort();
let refused = 0;
for (const file of files) {
  const code = readFileSync(`${folder}/${file}`, 'utf8');
  const module = device.createShaderModule({ code });
  const messages = (await module.getCompilationInfo()).messages.filter((message) => message.type === 'error');
  const errors = messages.map(({ lineNum, message }) => `${lineNum}: ${message}`);
  if (!errors.length) {
    // The first line has the values of its constants.
    const constants = JSON.parse(code.slice(2, code.indexOf('\n')));
    device.pushErrorScope('validation');
    device.createComputePipeline({ layout: 'auto', compute: { module, constants } });
    const error = await device.popErrorScope();
    if (error) errors.push(error.message);
  }
  if (errors.length) {
    refused += 1;
    console.log(`${file.split('.')[0]}: ${errors.join('; ')}`);
  }
}
console.log(`${files.length - refused} of ${files.length}`);
process.exit(refused ? 1 : 0);
