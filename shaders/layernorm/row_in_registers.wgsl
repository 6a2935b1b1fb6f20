// A row of up to ROW_REGISTERS * LANES chunks is read from storage once.
//
// provides: iterations, load_row, load_row_first; needs: Chunk, ROW_REGISTERS, input_at

var<private> row_registers: array<Chunk, ROW_REGISTERS>;

fn iterations(chunks: u32) -> u32 { return ROW_REGISTERS; }

fn load_row_first(iteration: u32, index: u32) -> Chunk {
    row_registers[iteration] = input_at(index);
    return row_registers[iteration];
}

fn load_row(iteration: u32, index: u32) -> Chunk { return row_registers[iteration]; }
