#include "loops.hpp"
#include "threads.hpp"

#include "blas.hpp"
#ifdef EQGEN_TBB
#include <tbb/global_control.h>
#endif
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace eqgen {
namespace {

constexpr std::size_t cache_line = 64;

struct Free {
    void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{cache_line}); }
};

struct Block {
    std::unique_ptr<std::byte[], Free> memory;
    std::size_t size = 0, used = 0;
};

// The temporaries of a thread: a stack in a list of blocks. An emptied list of several becomes one block.
struct Store {
    std::vector<Block> blocks;
    std::size_t current = 0;
};

thread_local Store store;

Block new_block(std::size_t size) {
    Block block;
    block.memory.reset(static_cast<std::byte*>(::operator new[](size, std::align_val_t{cache_line})));
    block.size = size;
    return block;
}

std::atomic<int> chosen_threads{0};  // 0: as many as OpenMP offers

}  // namespace

Workspace::Workspace() : block_(store.current), used_(store.blocks.empty() ? 0 : store.blocks[block_].used) {}

Workspace::~Workspace() {
    for (std::size_t later = block_ + 1; later < store.blocks.size(); ++later) {
        store.blocks[later].used = 0;
    }
    if (!store.blocks.empty()) {
        store.blocks[block_].used = used_;
    }
    store.current = block_;
    if (block_ == 0 && used_ == 0 && store.blocks.size() > 1) {
        std::size_t total = 0;
        for (const Block& block : store.blocks) {
            total += block.size;
        }
        store.blocks.clear();
        try {
            store.blocks.push_back(new_block(total));
        } catch (const std::bad_alloc&) {
            store.blocks.clear();  // the next call asks again
        }
    }
}

void* Workspace::allocate(std::size_t bytes) {
    const std::size_t size = (bytes + cache_line - 1) / cache_line * cache_line;
    while (store.current < store.blocks.size()) {
        Block& block = store.blocks[store.current];
        if (block.size - block.used >= size) {
            return block.memory.get() + std::exchange(block.used, block.used + size);
        }
        if (store.current + 1 == store.blocks.size()) {
            break;
        }
        ++store.current;
    }
    const std::size_t last = store.blocks.empty() ? 0 : store.blocks.back().size;
    store.blocks.push_back(new_block(std::max({size, 2 * last, std::size_t{1} << 16})));
    store.current = store.blocks.size() - 1;
    store.blocks.back().used = size;
    return store.blocks.back().memory.get();
}

int threads() {
    const int chosen = chosen_threads.load(std::memory_order_relaxed);
    return chosen > 0 ? chosen : omp_get_max_threads();
}

void set_threads(int count) {
    chosen_threads.store(count, std::memory_order_relaxed);
#if defined(EQGEN_TBB)
    using Limit = tbb::global_control;
    static std::unique_ptr<Limit> limit;
    static std::mutex changing;
    const std::lock_guard<std::mutex> lock(changing);
    limit.reset();  // the lowest of several limits holds
    limit = std::make_unique<Limit>(Limit::max_allowed_parallelism, static_cast<std::size_t>(threads()));
#elif defined(EQGEN_MKL)
    mkl_set_num_threads(threads());
#elif defined(EQGEN_OPENBLAS)
    EQGEN_BLAS_FUNCTION(openblas_set_num_threads)(threads());
#else
    Eigen::setNbThreads(threads());
#endif
}

void parallel_ranges(Index count, Index cost, void (*run)(const void*, Index, Index), const void* body) {
    // Threads do not write to the same cache line, which holds 16 floats.
    const Index step = cost < 16 ? 16 : 1;
    if (count <= 0) {
        return;
    }
    const Index shares = std::min(count * std::max<Index>(cost, 1) / entries_per_thread, (count + step - 1) / step);
    const int team = static_cast<int>(std::min<Index>(threads(), shares));
    if (team <= 1 || omp_in_parallel() != 0) {
        run(body, 0, count);
        return;
    }
#pragma omp parallel num_threads(team)
    {
        const Index size = omp_get_num_threads(), rank = omp_get_thread_num();
        const Index share = ((count + size - 1) / size + step - 1) / step * step;
        const Index begin = std::min(count, rank * share), end = std::min(count, begin + share);
        if (begin < end) {
            run(body, begin, end);
        }
    }
}

}  // namespace eqgen
